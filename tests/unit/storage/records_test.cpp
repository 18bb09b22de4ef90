// Keyed records: written in units with events and entities, read once durable, gone with their owner.
#include "storage/format/keys.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>

namespace twinhub::storage {
namespace {

using namespace testing;
using Pairs = std::vector<std::pair<std::string, std::string>>;

const IdentityId device{"device", ""};
const IdentityId module{"device", "module"};
const IdentityId neighbour{"device2", ""};

Result<void> write_and_wait(Store& store, std::vector<RecordWrite> writes, std::vector<EncodedEvent> events = {}) {
  Answer answer;
  if (const auto queued = store.write_records(std::move(writes), std::move(events), answer.callback()); !queued)
    return queued.error();
  return answer.wait();
}

Pairs scan_all(const Store& store, RecordKind kind, std::string_view prefix = {}, std::string_view after = {}) {
  Pairs found;
  EXPECT_TRUE(store.scan_records(kind, prefix, after, [&](std::string_view key, std::string_view value) {
    found.emplace_back(key, value);
    return true;
  }));
  return found;
}

TEST(StoreRecords, AreReadBackAfterReopeningAndRemovedByAWriteWithoutValue) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(write_and_wait(*store, {{RecordKind::jobs, "j1", "one"}, {RecordKind::cursors, "j1", "other kind"}}));
    EXPECT_EQ(*store->read_record(RecordKind::jobs, "j1"), "one");
    EXPECT_EQ(*store->read_record(RecordKind::jobs, "j2"), std::nullopt);
  }
  const auto store = open(small_options(folder / "db"));
  EXPECT_EQ(*store->read_record(RecordKind::jobs, "j1"), "one");
  ASSERT_TRUE(write_and_wait(*store, {{RecordKind::jobs, "j1", std::nullopt}}));
  EXPECT_EQ(*store->read_record(RecordKind::jobs, "j1"), std::nullopt);
  EXPECT_EQ(*store->read_record(RecordKind::cursors, "j1"), "other kind");
}

TEST(StoreRecords, AScanKeepsToItsPrefixStartsBehindAKeyAndEndsWhenTheVisitorSaysSo) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(write_and_wait(*store, {{RecordKind::jobs, "a1", "1"},
                                      {RecordKind::jobs, "b1", "2"},
                                      {RecordKind::jobs, "b2", "3"},
                                      {RecordKind::jobs, "c1", "4"}}));
  EXPECT_EQ(scan_all(*store, RecordKind::jobs, "b"), (Pairs{{"b1", "2"}, {"b2", "3"}}));
  EXPECT_EQ(scan_all(*store, RecordKind::jobs, "b", "b1"), (Pairs{{"b2", "3"}}));
  EXPECT_EQ(scan_all(*store, RecordKind::jobs, "", "b2"), (Pairs{{"c1", "4"}}));
  std::size_t visits = 0;
  ASSERT_TRUE(store->scan_records(RecordKind::jobs, "", "", [&](std::string_view, std::string_view) {
    ++visits;
    return false;
  }));
  EXPECT_EQ(visits, 1U);
}

TEST(StoreRecords, ComeWithTheEventsOfTheirUnit) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(write_and_wait(*store, {{RecordKind::feedback, "f", "v"}}, {make_event(device, "told")}));
  const auto events = all_events(*store, store->event_partition_of(device));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].event.body, "told");
}

TEST(StoreRecords, OfAnEntityChangeAreWrittenWithIt) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(update_and_wait(*store, device, [](const Entity& current) {
    auto change = count_up(device, current);
    change->records.push_back({RecordKind::messages, owned_prefix(device) + "1", "m"});
    return change;
  }));
  EXPECT_EQ(scan_all(*store, RecordKind::messages, owned_prefix(device)), (Pairs{{owned_prefix(device) + "1", "m"}}));
}

TEST(StoreRecords, OwnedOnesGoWithTheirDeviceAndItsModules) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  for (const IdentityId& id : {device, module, neighbour}) {
    ASSERT_TRUE(update_and_wait(*store, id, counting(id)));
    ASSERT_TRUE(write_and_wait(*store, {{RecordKind::messages, owned_prefix(id) + "1", "m"},
                                        {RecordKind::jobs, owned_prefix(id) + "1", "not owned"}}));
  }
  ASSERT_TRUE(erase_and_wait(*store, module));
  EXPECT_EQ(scan_all(*store, RecordKind::messages).size(), 2U);
  ASSERT_TRUE(erase_and_wait(*store, device));
  EXPECT_EQ(scan_all(*store, RecordKind::messages), (Pairs{{owned_prefix(neighbour) + "1", "m"}}));
  EXPECT_EQ(scan_all(*store, RecordKind::jobs).size(), 3U);
}

TEST(StoreRecords, AReadOnlyStoreTakesNone) {
  const TemporaryFolder folder;
  const auto writer = open(small_options(folder / "db"));
  auto options = small_options(folder / "db");
  options.read_only = true;
  const auto reader = open(options);
  const auto written = reader->write_records({{RecordKind::jobs, "j", "v"}}, {}, {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::service_unavailable);
}

}  // namespace
}  // namespace twinhub::storage
