// How fast is a query over everything, against the two things it cannot do without: reading the records from RocksDB,
// and the bytes of their JSON once through simdjson? All in one run, on one core, over the same store.
//
//   query_bench DIRECTORY [COUNT]      COUNT twins of about 1 KiB (100,000); fills DIRECTORY when it holds no store
//
// Each figure is the median of five rounds; each round checks what it counted.
#include "protocol/json/document.hpp"
#include "protocol/twin/patch.hpp"
#include "server/hub/hub.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <rocksdb/db.h>
#include <simdjson.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace twinhub;

class WallClock final : public hub::Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {unix_epoch_ticks + 1'800'000'000 * ticks_per_second}; }
};

class NoDevices final : public hub::DeviceLinks {
 public:
  void desired_changed(const IdentityId&, std::uint64_t, const std::shared_ptr<const std::string>&,
                       storage::Outbox&) override {}
  void messages_waiting(const IdentityId&, storage::Outbox&) override {}
  void identity_changed(const iothub::Identity&, storage::Outbox&) override {}
  void identity_deleted(const IdentityId&, storage::Outbox&) override {}
  bool invoke_method(const std::shared_ptr<const hub::MethodRequest>&, storage::Outbox&) override { return false; }
  void forget_method(const IdentityId&, std::uint64_t, storage::Outbox&) override {}
};

/// About 1 KiB as stored: tags, desired and reported properties with their stamps.
twin::Twin make_twin(long number) {
  const Timestamp now{unix_epoch_ticks};
  std::string reported = "{";
  for (int leaf = 0; leaf < 12; ++leaf)
    reported += "\"property" + std::to_string(leaf) + "\":\"value-" + std::to_string(leaf) + "\",";
  reported += "\"connectivity\":{\"type\":\"" + std::string(number % 3 == 0 ? "cellular" : "wired") +
              "\",\"signal\":-70},\"temperature\":" + std::to_string(number % 40) + "}";
  const std::string body = R"({"tags":{"location":{"region":"EU","plant":"plant-)" + std::to_string(number % 10) +
                           R"("},"floor":)" + std::to_string(number % 7) +
                           R"(},"properties":{"desired":{"interval":30,"mode":"auto","level":2}}})";
  const auto patched = twin::apply_service_patch(twin::make_twin(now), body, now);
  return *twin::apply_reported_patch(patched->after, reported, {}, now);
}

void fill(storage::Store& store, long count) {
  std::atomic<long> settled{0};
  for (long i = 0; i < count; ++i) {
    while (i - settled.load() > 10'000) std::this_thread::yield();
    auto identity = std::make_shared<iothub::Identity>();
    identity->id.device = "device-" + std::to_string(10'000'000 + i);
    identity->generation_id = "1";
    identity->primary_key = identity->secondary_key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const auto record = std::make_shared<const twin::Twin>(make_twin(i));
    store.update(
        identity->id,
        [&](const storage::Entity&) -> Result<storage::EntityChange> {
          return storage::EntityChange{
              .identity = identity, .twin = record, .erase = false, .events = {}, .records = {}};
        },
        [&](const Result<void>&, storage::Outbox&) { ++settled; });
  }
  while (settled.load() < count) std::this_thread::yield();
}

double seconds_of(const std::function<void()>& work) {
  std::vector<double> rounds;
  for (int round = 0; round < 5; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    rounds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds[rounds.size() / 2];
}

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "query_bench: %s\n", why.c_str());
  std::exit(1);
}

/// The twins' column family from end to end, as RocksDB gives it: the store is closed meanwhile.
double scan_seconds(const std::string& directory, long count) {
  rocksdb::DBOptions options;
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(options, directory, &names).ok()) stop("no store in " + directory);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  if (!rocksdb::DB::OpenForReadOnly(options, directory, families, &handles, &db).ok()) stop("cannot open it");
  const auto twins = std::find(names.begin(), names.end(), "twins") - names.begin();
  const double seconds = seconds_of([&] {
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(read, handles[static_cast<std::size_t>(twins)]));
    long seen = 0;
    std::size_t bytes = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      ++seen;
      bytes += it->value().size();
    }
    if (seen != count || bytes == 0) stop("scanned " + std::to_string(seen));
  });
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  delete db;
  return seconds;
}

/// simdjson over the sections' text of as many twins, one document each.
double parse_seconds(long count, std::size_t& bytes) {
  std::vector<std::string> texts;
  for (long i = 0; i < 1000; ++i) {
    const twin::Twin twin = make_twin(i);
    std::string text =
        R"({"tags":)" + twin.tags + R"(,"desired":)" + twin.desired.text + R"(,"reported":)" + twin.reported.text + "}";
    bytes = text.size();
    text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    texts.push_back(std::move(text));
  }
  simdjson::dom::parser parser;
  return seconds_of([&] {
    std::uint64_t sum = 0;
    for (long i = 0; i < count; ++i) {
      const std::string& text = texts[static_cast<std::size_t>(i % 1000)];
      simdjson::dom::element root;
      if (parser.parse(text.data(), text.size(), false).get(root)) stop("simdjson");
      sum += root.is_object() ? 1U : 0U;
    }
    if (sum != static_cast<std::uint64_t>(count)) stop("parsed too little");
  });
}

double query_seconds(hub::Queries& queries, const std::string& text, std::size_t rows_expected) {
  return seconds_of([&] {
    auto run = queries.begin({.text = text});
    if (!run) stop(run.error().detail);
    while ((*run)->step()) {
    }
    const auto page = (*run)->take();
    if (!page) stop(page.error().detail);
    const auto document = json::parse(page->json);
    std::size_t rows = 0;
    for ([[maybe_unused]] const json::Value row : document->root()) ++rows;
    if (rows != rows_expected) stop(text + ": " + std::to_string(rows) + " rows");
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) stop("usage: query_bench DIRECTORY [COUNT]");
  const std::string directory = argv[1];
  const long count = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 100'000;
  WallClock clock;
  const auto open = [&] {
    auto store = storage::open_rocksdb_store(
        {.directory = directory, .durability = storage::Durability::os, .now = [&] { return clock.now(); }});
    if (!store) stop(store.error().detail);
    return std::move(*store);
  };
  if (!std::filesystem::exists(directory)) fill(*open(), count);
  const double twins = static_cast<double>(count);
  std::size_t json_bytes = 0;
  const double scan = scan_seconds(directory, count) / twins;
  const double parse = parse_seconds(count, json_bytes) / twins;
  const double floor = std::max(scan, parse);
  std::printf("%ld twins, %zu bytes of JSON each\n", count, json_bytes);
  std::printf("%-58s %10s %12s %9s\n", "", "us/twin", "twins/s", "ratio");
  const auto line = [&](const char* name, double seconds) {
    std::printf("%-58s %10.3f %12.0f %9.2f\n", name, seconds * 1e6, 1 / seconds, seconds / floor);
  };
  line("RocksDB scan of the twins", scan);
  line("simdjson parse of the same bytes", parse);

  auto store = open();
  NoDevices links;
  hub::SystemRandom random;
  hub::Hub hub(*store, clock, random, {}, links, {});
  for (const auto& [text, rows] : std::initializer_list<std::pair<const char*, std::size_t>>{
           {"SELECT COUNT() AS n FROM devices", 1},
           {"SELECT deviceId FROM devices WHERE tags.location.plant = 'none'", 0},
           {"SELECT deviceId FROM devices WHERE properties.reported.temperature > 90", 0},
           {"SELECT COUNT() AS n FROM devices WHERE tags.floor = 3", 1},
           {"SELECT properties.reported.connectivity.type AS t, COUNT() AS n FROM devices "
            "GROUP BY properties.reported.connectivity.type",
            2}}) {
    line(text, query_seconds(hub.queries, text, rows) / twins);
  }
}
