// Does the event log stay flat as it grows? Appends COUNT events of 200 bytes from 10,000 devices, as commit cycles of
// a busy hub make them, while a reader follows the end; then reads all that is kept from the start, finds times, and
// opens the store again. One line per tenth: a cost that grows with the log would show from line to line.
//
//   event_log_bench DIR [COUNT 1000000] [RETENTION_MIB 128]
//
// With the default retention the first tenths keep everything and the later ones drop as much as they append. DIR must
// not exist yet. Syncs are those of durability "os": the disk's sync time is not what is asked here.
#include "storage/rocksdb/rocksdb_store.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace twinhub;
using steady = std::chrono::steady_clock;

constexpr std::uint64_t in_flight_max = 2000;
constexpr std::uint64_t devices = 10'000;

Timestamp wall_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
  return timestamp_from_unix(nanoseconds / 1'000'000'000, static_cast<std::uint32_t>(nanoseconds % 1'000'000'000));
}

double seconds_since(steady::time_point begin) { return std::chrono::duration<double>(steady::now() - begin).count(); }

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::unique_ptr<storage::Store> open(const char* directory, std::uint64_t retention_bytes) {
  auto store = storage::open_rocksdb_store({.directory = directory,
                                            .durability = storage::Durability::os,
                                            .event_retention_bytes = retention_bytes,
                                            .now = wall_clock});
  if (!store) {
    std::fprintf(stderr, "event_log_bench: %s\n", store.error().detail.c_str());
    std::exit(1);
  }
  return std::move(*store);
}

/// Follows the end of the log as an endpoint does, and measures how old events are when they are read.
class Tail {
 public:
  explicit Tail(storage::Store& store) : store_(store), positions_(store.event_ranges().size()) {
    store_.watch_events([this] {
      const std::lock_guard lock(mutex_);
      woken_ = true;
      changed_.notify_one();
    });
    thread_ = std::thread([this] { run(); });
  }
  ~Tail() {
    store_.watch_events({});
    {
      const std::lock_guard lock(mutex_);
      stopping_ = woken_ = true;
      changed_.notify_one();
    }
    thread_.join();
  }
  /// Median and 99th percentile delay since the last call, milliseconds; and how many events were read in all.
  struct Seen {
    double median = 0, worst = 0;
    std::uint64_t count = 0;
  };
  Seen seen() {
    std::vector<double> delays;
    {
      const std::lock_guard lock(mutex_);
      delays.swap(delays_);
    }
    std::sort(delays.begin(), delays.end());
    if (delays.empty()) return {0, 0, count_};
    return {delays[delays.size() / 2], delays[delays.size() * 99 / 100], count_};
  }

 private:
  void run() {
    while (true) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return woken_; });
        if (stopping_) return;
        woken_ = false;
      }
      for (std::uint32_t i = 0; i < positions_.size(); ++i) read(i);
    }
  }
  void read(std::uint32_t partition) {
    Timestamp oldest;
    const auto read = store_.read_events(partition, positions_[partition], [&](const storage::StoredEvent& stored) {
      if (oldest.ticks == 0) oldest = stored.event.enqueued;
      positions_[partition] = stored.sequence_number + 1;
      ++count_;
      return true;
    });
    if (!read) std::exit(1);
    if (oldest.ticks == 0) return;
    const std::lock_guard lock(mutex_);
    delays_.push_back(static_cast<double>(wall_clock().ticks - oldest.ticks) / 1e4);
  }

  storage::Store& store_;
  std::vector<std::uint64_t> positions_;
  std::atomic<std::uint64_t> count_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false, stopping_ = false;
  std::vector<double> delays_;
  std::thread thread_;
};

std::uint64_t kept(const storage::Store& store) {
  std::uint64_t count = 0;
  for (const auto& range : store.event_ranges()) count += range.next - range.first;
  return count;
}

void append(storage::Store& store, std::uint64_t count) {
  std::atomic<std::uint64_t> settled{0};
  const std::string body(200, 'x');
  for (std::uint64_t i = 0; i < count; ++i) {
    while (i - settled.load() > in_flight_max) std::this_thread::yield();
    const std::string device = "device-" + std::to_string(i % devices);
    const storage::TelemetryDraft telemetry{.device = device, .enqueued = wall_clock(), .body = body};
    store.append_telemetry(telemetry, [&](const Result<void>& durable, storage::Outbox&) {
      if (!durable) std::exit(1);
      ++settled;
    });
  }
  while (settled.load() < count) std::this_thread::yield();
}

void read_all(const storage::Store& store) {
  const auto begin = steady::now();
  std::uint64_t count = 0;
  for (std::uint32_t i = 0; i < store.event_ranges().size(); ++i) {
    if (!store.read_events(i, 0, [&](const storage::StoredEvent&) { return ++count > 0; })) std::exit(1);
  }
  const double took = seconds_since(begin);
  std::printf("from the start: %lu events in %.2f s, %.0f events/s\n", count, took, static_cast<double>(count) / took);
}

void find_times(const storage::Store& store, Timestamp first, Timestamp last) {
  for (const int part : {1, 5, 9}) {
    const Timestamp at{first.ticks + (last.ticks - first.ticks) / 10 * static_cast<std::uint64_t>(part)};
    const auto begin = steady::now();
    const auto found = store.find_events_since(0, at);
    std::printf("finding the time at %d/10 of the run: %.2f ms, event %lu\n", part, seconds_since(begin) * 1e3,
                found ? *found : 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::fprintf(stderr, "usage: event_log_bench DIR [COUNT] [RETENTION_MIB]\n");
    return 2;
  }
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const std::uint64_t retention_bytes = (argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 128) << 20;
  auto store = open(argv[1], retention_bytes);
  const Timestamp first = wall_clock();
  std::uint64_t read_before = 0;
  std::printf("%10s %12s %12s %14s %14s %12s\n", "appended", "events/s", "us CPU each", "tail median ms", "tail p99 ms",
              "kept");
  {
    Tail tail(*store);
    for (int tenth = 1; tenth <= 10; ++tenth) {
      const auto begin = steady::now();
      const double cpu = cpu_seconds();
      append(*store, count / 10);
      const double took = seconds_since(begin);
      const auto seen = tail.seen();
      std::printf("%10lu %12.0f %12.2f %14.2f %14.2f %12lu\n", count / 10 * static_cast<std::uint64_t>(tenth),
                  static_cast<double>(count / 10) / took, (cpu_seconds() - cpu) * 1e6 / static_cast<double>(count / 10),
                  seen.median, seen.worst, kept(*store));
      read_before = seen.count;
    }
  }
  std::printf("the tail read %lu events while they came\n", read_before);
  read_all(*store);
  find_times(*store, first, wall_clock());
  const auto closing = steady::now();
  store.reset();
  const auto opening = steady::now();
  store = open(argv[1], retention_bytes);
  std::printf("closed in %.2f s, opened again in %.2f s, %lu events kept\n",
              std::chrono::duration<double>(opening - closing).count(), seconds_since(opening), kept(*store));
  return 0;
}
