#include "bench/load/process.hpp"

#include <time.h>
#include <fstream>
#include <stdexcept>
#include <string>

namespace twinhub::load {

Process::Process(pid_t pid) : pid_(pid) {
  if (pid_ != 0 && ::clock_getcpuclockid(pid_, &clock_) != 0)
    throw std::runtime_error("no process " + std::to_string(pid_));
}

std::chrono::nanoseconds Process::cpu() const {
  if (pid_ == 0) return {};
  timespec time{};
  if (::clock_gettime(clock_, &time) != 0) throw std::runtime_error("process " + std::to_string(pid_) + " has ended");
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::size_t Process::rss_kib() const {
  if (pid_ == 0) return 0;
  std::ifstream file("/proc/" + std::to_string(pid_) + "/smaps_rollup");
  std::string word;
  std::size_t kib = 0;
  while (file >> word) {
    if (word == "Rss:" && file >> kib) return kib;
  }
  throw std::runtime_error("no memory figures of process " + std::to_string(pid_));
}

}  // namespace twinhub::load
