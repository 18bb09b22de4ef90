// Kept MQTT sessions.
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>

namespace twinhub::storage {
namespace {

using namespace testing;

const IdentityId device{"device", ""};
const Session first{{{"devices/device/messages/devicebound/#", 1}}};
const Session second{{{"$iothub/twin/res/#", 0}, {"$iothub/methods/POST/#", 0}}};

TEST(StoreSession, TheLatestPutIsReadAtOnceAndAfterReopening) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    EXPECT_EQ(store->read_session(device)->session, std::nullopt);
    ASSERT_TRUE(put_session_and_wait(*store, device, &first));
    ASSERT_TRUE(store->put_session(device, &second, {}));
    EXPECT_EQ(store->read_session(device)->session, second);
    drain(*store);
    EXPECT_EQ(store->read_session(device)->session, second);
  }
  EXPECT_EQ(open(small_options(folder / "db"))->read_session(device)->session, second);
}

TEST(StoreSession, NullRemovesIt) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(put_session_and_wait(*store, device, &first));
    ASSERT_TRUE(store->put_session(device, nullptr, {}));
    EXPECT_EQ(store->read_session(device)->session, std::nullopt);
  }
  EXPECT_EQ(open(small_options(folder / "db"))->read_session(device)->session, std::nullopt);
}

TEST(StoreSession, ARevisionSeesTheLatestPutAndMayChangeOrRemoveIt) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(store->revise_session(device, [](Session) -> std::optional<Session> {
    ADD_FAILURE() << "there is none";
    return std::nullopt;
  }));
  ASSERT_TRUE(store->put_session(device, &first, {}));
  ASSERT_TRUE(store->revise_session(device, [](Session session) -> std::optional<Session> {
    EXPECT_EQ(session, first);
    session.last_seen = {5};
    return session;
  }));
  EXPECT_EQ(store->read_session(device)->session->last_seen, Timestamp{5});
  ASSERT_TRUE(store->revise_session(device, [](const Session&) { return std::optional<Session>{}; }));
  EXPECT_EQ(store->read_session(device)->session, std::nullopt);
}

TEST(StoreSession, AScanVisitsIdsInOrder) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  for (const char* name : {"b", "a", "c"}) ASSERT_TRUE(put_session_and_wait(*store, {name, ""}, &first));
  std::string seen;
  const IdentityId after{"a", ""};
  ASSERT_TRUE(store->scan_sessions(&after, [&](const IdentityId& id) {
    seen += id.device;
    return true;
  }));
  EXPECT_EQ(seen, "bc");
}

TEST(StoreSession, ASessionNeedsNoEntity) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(put_session_and_wait(*store, device, &first));
  EXPECT_EQ(store->read(device)->entity.identity, nullptr);
}

}  // namespace
}  // namespace twinhub::storage
