// What a process under test has cost so far.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstddef>

namespace twinhub::load {

class Process {
 public:
  /// 0: none; every figure is zero. Throws std::runtime_error when there is no such process.
  explicit Process(pid_t pid);

  /// CPU time of all its threads, ended ones included, user and system. The clock counts what /proc/PID/stat shows, but
  /// in nanoseconds instead of ticks of 10 ms.
  [[nodiscard]] std::chrono::nanoseconds cpu() const;
  /// Resident memory, from /proc/PID/smaps_rollup (exact; VmRSS lags behind on many cores).
  [[nodiscard]] std::size_t rss_kib() const;

 private:
  pid_t pid_;
  clockid_t clock_ = 0;
};

}  // namespace twinhub::load
