// Prints the format of a store, or gives it another one: how a test makes the folder of a version to come.
//   format_version DATA/db [FORMAT]
#include "storage/rocksdb/rocksdb_engine.hpp"
#include "storage/rocksdb/unopened_store.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

int main(int argc, char** argv) {
  using namespace twinhub;
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() < 2) {
    std::fprintf(stderr, "usage: format_version DATA/db [FORMAT]\n");
    return 2;
  }
  const bool writes = arguments.size() > 2;
  const auto engine = storage::RocksdbEngine::open(
      {.directory = arguments[1], .read_only = !writes, .now = [] { return Timestamp{}; }}, nullptr);
  if (!engine) {
    std::fprintf(stderr, "format_version: %s\n", engine.error().detail.c_str());
    return 1;
  }
  if (writes) {
    const auto batch = (*engine)->make_batch();
    batch->put(storage::Family::meta, "format_version", arguments[2]);
    std::ofstream(std::filesystem::path(arguments[1]) / storage::format_file) << arguments[2] << '\n';
    if ((*engine)->commit(*batch).outcome != storage::CommitOutcome::durable) return 1;
  }
  const auto found =
      storage::Reading(**engine).get(storage::Family::meta, "format_version",
                                     [](std::string_view value) -> Result<std::string> { return std::string(value); });
  if (!found || !*found) return 1;
  std::printf("%s\n", (*found)->c_str());
  return 0;
}
