// Fills a data folder's store with N devices of about 1 KiB of twin, for measuring starts and scans.
//   seed_store DATA/db 100000
#include "protocol/twin/patch.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

using namespace twinhub;

Timestamp wall_clock() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return timestamp_from_unix(std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
}

std::string reported_text() {
  std::string text = "{";
  for (int leaf = 0; leaf < 40; ++leaf) {
    if (leaf > 0) text += ',';
    text += "\"property" + std::to_string(leaf) + "\":\"value-" + std::to_string(leaf) + "\"";
  }
  return text + "}";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: seed_store DIRECTORY COUNT\n");
    return 2;
  }
  const long count = std::strtol(argv[2], nullptr, 10);
  auto store = storage::open_rocksdb_store({.directory = argv[1], .now = wall_clock});
  if (!store) {
    std::fprintf(stderr, "seed_store: %s\n", store.error().detail.c_str());
    return 1;
  }
  const Timestamp now = wall_clock();
  const auto twin = twin::apply_reported_patch(twin::make_twin(now), reported_text(), {}, now);
  if (!twin) return 1;

  std::atomic<long> settled{0};
  std::atomic<long> failed{0};
  for (long i = 0; i < count; ++i) {
    while (i - settled.load() > 10'000) std::this_thread::yield();
    auto identity = std::make_shared<iothub::Identity>();
    identity->id.device = "device-" + std::to_string(i);
    identity->etag = 1;
    identity->generation_id = std::to_string(now.ticks);
    identity->primary_key = identity->secondary_key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const auto record = std::make_shared<const twin::Twin>(*twin);
    (*store)->update(
        identity->id,
        [&](const storage::Entity&) -> Result<storage::EntityChange> {
          return storage::EntityChange{
              .identity = identity, .twin = record, .erase = false, .events = {}, .records = {}};
        },
        [&](const Result<void>& result, storage::Outbox&) {
          if (!result) ++failed;
          ++settled;
        });
  }
  store->reset();
  std::printf("%ld devices written, %ld failed\n", settled.load() - failed.load(), failed.load());
  return failed.load() == 0 ? 0 : 1;
}
