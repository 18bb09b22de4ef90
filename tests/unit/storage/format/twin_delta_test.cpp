// Deltas of twin records: whatever the change, putting the delta onto the old bytes gives the new ones; and a store
// that writes them reads as one that does not.
#include "storage/format/twin_delta.hpp"

#include "protocol/twin/patch.hpp"
#include "storage/format/keys.hpp"
#include "storage/format/record.hpp"
#include "storage/rocksdb/rocksdb_engine.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <random>

namespace twinhub::storage {
namespace {

using namespace testing;

const IdentityId device{"device", ""};

std::string bytes_of(const twin::Twin& twin) {
  std::string bytes;
  encode(bytes, twin);
  return bytes;
}

/// Fails the test unless the delta from `before` to `after` makes the one into the other; returns what would be
/// written.
std::size_t expect_delta(const twin::Twin& before, const twin::Twin& after) {
  std::string delta;
  DeltaChain chain{.known = true};
  if (!encode_delta(delta, before, after, chain)) {
    EXPECT_TRUE(delta.empty());
    return bytes_of(after).size();
  }
  EXPECT_EQ(chain.count, 1U);
  EXPECT_EQ(chain.bytes, delta.size());
  std::string record;
  EXPECT_TRUE(apply_delta(bytes_of(before), delta, record));
  EXPECT_EQ(record, bytes_of(after));
  return delta.size();
}

/// About `bytes` of reported properties: components c0, c1, ... of ten leaves each.
twin::Twin wide_twin(std::size_t bytes) {
  std::string body = "{";
  for (int i = 0; body.size() < bytes; ++i) {
    if (i > 0) body += ',';
    body += "\"c" + std::to_string(i) + "\":{";
    for (int leaf = 0; leaf < 10; ++leaf) {
      if (leaf > 0) body += ',';
      body += "\"p" + std::to_string(leaf) + "\":" + std::to_string(1000 + leaf);
    }
    body += '}';
  }
  return *twin::apply_reported_patch(twin::make_twin(moment()), body + "}", std::nullopt, moment(1));
}

twin::Twin patched(const twin::Twin& twin, std::string_view body, std::uint64_t second = 2) {
  return *twin::apply_reported_patch(twin, body, std::nullopt, moment(second));
}

TEST(TwinDelta, APatchOfALargeTwinIsSmall) {
  const auto small = wide_twin(1000);
  EXPECT_LT(expect_delta(small, patched(small, R"({"c3":{"p1":7777,"p2":"on","p5":3}})")), 160U);
  const auto large = wide_twin(30'000);
  EXPECT_LT(expect_delta(large, patched(large, R"({"c30":{"p1":7777,"p2":"on","p5":3}})")), 180U);
}

TEST(TwinDelta, EveryKindOfChangeComesBack) {
  const auto before = wide_twin(2000);
  expect_delta(before, before);
  expect_delta(before, patched(before, "{}"));
  expect_delta(before, patched(before, R"({"c0":null})"));
  expect_delta(before, patched(before, R"({"c3":{"p0":null,"p9":null}})"));
  expect_delta(before, patched(before, R"({"c3":{"p0":{"deep":{"deeper":1}},"new":[1,2]},"z":"at the end"})"));
  expect_delta(before, patched(before, R"({"c3":1,"c4":{"p2":{}}})"));
  auto after = before;
  after.model_id = "dtmi:com:example:Thermostat;1";
  expect_delta(before, after);
  expect_delta(after, before);
  for (const std::string_view body :
       {R"({"tags":{"site":"A"}})", R"({"properties":{"desired":{"a":{"b":1}}}})",
        R"({"tags":{"site":null,"x":1},"properties":{"desired":{"a":null,"c":[{"d":2}]}}})"}) {
    const auto next = twin::apply_service_patch(after, body, moment(3));
    ASSERT_TRUE(next);
    expect_delta(after, next->after);
    after = next->after;
  }
}

TEST(TwinDelta, StampsThatAreNotThoseOfTheChangeComeBackToo) {
  std::mt19937_64 random(7);
  const auto stamp = [&] { return twin::Stamp{moment(random() % 3), random() % 3}; };
  const auto section = [&] {
    twin::Section made;
    made.text = std::string(random() % 300, static_cast<char>('a' + random() % 2));
    made.stamps.resize(1 + random() % 20);
    for (auto& each : made.stamps) each = stamp();
    made.version = random() % 3;
    made.size_bytes = static_cast<std::uint32_t>(random() % 3);
    return made;
  };
  for (int round = 0; round < 2000; ++round) {
    twin::Twin before = twin::make_twin(moment()), after = before;
    before.desired = section();
    before.reported = section();
    after.desired = random() % 2 == 0 ? before.desired : section();
    after.reported = random() % 2 == 0 ? before.reported : section();
    if (random() % 3 == 0) after.reported.stamps.insert(after.reported.stamps.begin(), stamp());
    if (random() % 3 == 0 && after.reported.stamps.size() > 1)
      after.reported.stamps.erase(after.reported.stamps.begin());
    ASSERT_NO_FATAL_FAILURE(expect_delta(before, after)) << "round " << round;
    if (HasFailure()) return;
  }
}

TEST(TwinDelta, AChainEndsWhenItIsLongOrHeavyOrUnknown) {
  const auto before = wide_twin(2000);
  const auto after = patched(before, R"({"c3":{"p1":7777}})");
  std::string out = "kept";
  DeltaChain unknown;
  EXPECT_FALSE(encode_delta(out, before, after, unknown));
  DeltaChain chain{.known = true};
  for (std::uint32_t i = 0; i < delta_count_max; ++i) EXPECT_TRUE(encode_delta(out, before, after, chain));
  const std::string so_far = out;
  EXPECT_FALSE(encode_delta(out, before, after, chain));
  EXPECT_EQ(out, so_far);
  DeltaChain heavy{.known = true, .count = 1, .bytes = static_cast<std::uint32_t>(bytes_of(after).size())};
  EXPECT_FALSE(encode_delta(out, before, after, heavy));
  EXPECT_EQ(out, so_far);
  auto configured = after;
  configured.configurations = R"({"c1":{"status":"Applied"}})";
  DeltaChain fresh{.known = true};
  EXPECT_FALSE(encode_delta(out, before, configured, fresh));  // a record of another layout
}

TEST(TwinDelta, BytesThatAreNoDeltaOfThisRecordAreRefused) {
  const auto before = wide_twin(500);
  const std::string record = bytes_of(before);
  std::string delta, out;
  DeltaChain chain{.known = true};
  ASSERT_TRUE(encode_delta(delta, before, patched(before, R"({"c1":{"p1":7777},"n":"new"})"), chain));
  EXPECT_FALSE(apply_delta(record + "x", delta, out));
  for (std::size_t cut = 0; cut < delta.size(); ++cut) (void)apply_delta(record, delta.substr(0, cut), out);
  EXPECT_FALSE(apply_delta(record, "", out));
  std::mt19937_64 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string broken = delta;
    for (auto flips = 1 + random() % 3; flips > 0; --flips)
      broken[random() % broken.size()] = static_cast<char>(random());
    if (apply_delta(record, broken, out)) {
      EXPECT_LE(out.size(), 16U << 20);
    }
  }
}

Decide patching(std::string body) {
  return [body = std::move(body)](const Entity& current) -> Result<EntityChange> {
    EntityChange change;
    if (!current.identity) change.identity = make_identity(device);
    change.twin = std::make_shared<const twin::Twin>(current.twin ? patched(*current.twin, body) : wide_twin(20'000));
    return change;
  };
}

std::string leaf(int i) { return R"({"c)" + std::to_string(i % 40) + R"(":{"p3":)" + std::to_string(i) + "}}"; }

std::uintmax_t log_bytes(const std::filesystem::path& directory) {
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory))
    if (file.path().extension() == ".log") bytes += file.file_size();
  return bytes;
}

TEST(TwinDelta, AStoreOfDeltasReadsAsOneOfWholeRecords) {
  const TemporaryFolder folder;
  twin::Twin expected = wide_twin(20'000);
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(update_and_wait(*store, device, patching("{}")));
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(update_and_wait(*store, device, patching(leaf(i))));
      expected = patched(expected, leaf(i));
    }
    const auto now = store->snapshot();
    ASSERT_TRUE(now);
    EXPECT_EQ(**(*now)->twin(device), expected);
  }
  EXPECT_LT(log_bytes(folder / "db"), 100 * bytes_of(expected).size() / 8);  // closed: cut to what was written
  for (int opened = 0; opened < 3; ++opened) {
    const auto store = open(small_options(folder / "db"));
    EXPECT_EQ(*store->read(device)->entity.twin, expected);
    int seen = 0;
    ASSERT_TRUE(store->scan(nullptr, [&](const Entity& entity) {
      ++seen;
      return *entity.twin == expected;
    }));
    EXPECT_EQ(seen, 1);
    // Behind a record read from disk comes a whole one, behind that deltas again.
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(update_and_wait(*store, device, patching(leaf(1000 + i))));
      expected = patched(expected, leaf(1000 + i));
    }
  }
}

TEST(TwinDelta, DeltasSurviveAFlushAndACompaction) {
  const TemporaryFolder folder;
  twin::Twin expected = wide_twin(20'000);
  for (int part = 0; part < 4; ++part) {
    {
      const auto store = open(small_options(folder / "db"));
      for (int i = 0; i < 7; ++i) {
        const bool first = part == 0 && i == 0;
        ASSERT_TRUE(update_and_wait(*store, device, patching(leaf(10 * part + i))));
        if (!first) expected = patched(expected, leaf(10 * part + i));
      }
    }
    const auto database = RocksdbEngine::open(small_options(folder / "db"), nullptr);
    ASSERT_TRUE(database);
    auto* twins = (*database)->family(Family::twins);
    ASSERT_TRUE((*database)->database()->Flush({}, twins).ok());
    if (part % 2 == 1) {
      ASSERT_TRUE((*database)->database()->CompactRange({}, twins, nullptr, nullptr).ok());
    }
    std::string record;
    ASSERT_TRUE((*database)->database()->Get({}, twins, entity_key(device), &record).ok());
    EXPECT_EQ(record, bytes_of(expected));
  }
}

TEST(TwinDelta, AnErasedEntityBeginsAgainWithAWholeRecord) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(update_and_wait(*store, device, patching(leaf(i))));
    ASSERT_TRUE(erase_and_wait(*store, device));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(update_and_wait(*store, device, patching(leaf(i))));
  }
  const auto store = open(small_options(folder / "db"));
  EXPECT_EQ(*store->read(device)->entity.twin, patched(wide_twin(20'000), leaf(1)));
}

TEST(TwinDelta, ADeltaThatDoesNotFitItsRecordIsAnError) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(update_and_wait(*store, device, patching(leaf(i))));
  }
  {
    auto database = RocksdbEngine::open(small_options(folder / "db"), nullptr);
    ASSERT_TRUE(database);
    auto* twins = (*database)->family(Family::twins);
    ASSERT_TRUE((*database)->database()->Merge({}, twins, entity_key(device), "no delta").ok());
  }
  const auto store = open(small_options(folder / "db"));
  EXPECT_FALSE(store->read(device));
  EXPECT_FALSE(update_and_wait(*store, device, patching(leaf(9))));
  EXPECT_FALSE(store->scan(nullptr, [](const Entity&) { return true; }));
}

}  // namespace
}  // namespace twinhub::storage
