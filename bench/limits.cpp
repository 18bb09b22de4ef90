// What the machine allows at best, for ratios.
//
//   limits fdatasync DIR [SECONDS]     a growing file, 512 bytes and one fdatasync at a time, as a log is written
//   limits rocksdb-open DATA/db        the engine alone opens that folder, as the hub would, and replays its log
//
// One line of JSON each. rocksdb-open changes the folder as a start does: give it a copy.
#include "bench/load/latencies.hpp"
#include "storage/rocksdb/rocksdb_engine.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace twinhub;
using Clock = std::chrono::steady_clock;

double microseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::micro>(time).count(); }

void time_syncs(const std::filesystem::path& directory, double seconds) {
  const std::string file = directory / "fdatasync-limit";
  const int descriptor = ::open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (descriptor < 0) throw std::runtime_error("cannot write in " + directory.string());
  const std::vector<char> bytes(512, 'x');
  load::Latencies times;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  bool good = true;
  for (auto begin = Clock::now(); good && begin < end; begin = Clock::now()) {
    good = ::write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
           ::fdatasync(descriptor) == 0;
    times.add(Clock::now() - begin);
  }
  ::close(descriptor);
  ::unlink(file.c_str());
  if (!good) throw std::runtime_error("the disk does not take it");
  std::printf("{\"operations\": %lu, \"p50_us\": %.3f, \"p99_us\": %.3f}\n", times.count(),
              microseconds(times.percentile(0.5)), microseconds(times.percentile(0.99)));
}

void time_open(const std::filesystem::path& directory) {
  storage::StoreOptions options;
  options.directory = directory;
  const auto begin = Clock::now();
  const auto engine = storage::RocksdbEngine::open(options, nullptr);
  if (!engine) throw std::runtime_error(engine.error().detail);
  std::printf("{\"open_ms\": %.3f}\n", microseconds(Clock::now() - begin) / 1000);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string what = argc > 2 ? argv[1] : "";
    if (what == "fdatasync" && argc <= 4) {
      time_syncs(argv[2], argc > 3 ? std::strtod(argv[3], nullptr) : 2);
    } else if (what == "rocksdb-open" && argc == 3) {
      time_open(argv[2]);
    } else {
      throw std::runtime_error("usage: limits fdatasync DIR [SECONDS] | rocksdb-open DATA/db");
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "limits: %s\n", error.what());
    return 2;
  }
}
