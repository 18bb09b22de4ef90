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
    EXPECT_EQ(*store->read_session(device), std::nullopt);
    ASSERT_TRUE(put_session_and_wait(*store, device, &first));
    ASSERT_TRUE(store->put_session(device, &second, {}));
    EXPECT_EQ(*store->read_session(device), second);
    drain(*store);
    EXPECT_EQ(*store->read_session(device), second);
  }
  EXPECT_EQ(*open(small_options(folder / "db"))->read_session(device), second);
}

TEST(StoreSession, NullRemovesIt) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(put_session_and_wait(*store, device, &first));
    ASSERT_TRUE(store->put_session(device, nullptr, {}));
    EXPECT_EQ(*store->read_session(device), std::nullopt);
  }
  EXPECT_EQ(*open(small_options(folder / "db"))->read_session(device), std::nullopt);
}

TEST(StoreSession, ASessionNeedsNoEntity) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(put_session_and_wait(*store, device, &first));
  EXPECT_EQ(store->read(device)->entity.identity, nullptr);
}

}  // namespace
}  // namespace twinhub::storage
