#include "server/ops/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>
#include <chrono>
#include <filesystem>
#include <fstream>

namespace twinhub::ops {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
  std::error_code error;
  double count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++count;
  }
  return count;
}

const double start_time_seconds =
    std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

}  // namespace

std::vector<Figure> process_figures() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return {
      {"process_cpu_seconds_total", "User and system CPU time spent.",
       seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), true},
      {"process_resident_memory_bytes", "Resident memory size.", resident_bytes(), false},
      {"process_open_fds", "Open file descriptors.", open_descriptors(), false},
      {"process_start_time_seconds", "Start of the process, Unix time.", start_time_seconds, false},
  };
}

std::string render(const std::vector<Figure>& figures) {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(figures.size());
  for (const Figure& figure : figures) {
    prometheus::ClientMetric metric;
    if (figure.counter) {
      metric.counter.value = figure.value;
    } else {
      metric.gauge.value = figure.value;
    }
    for (const auto& [name, value] : figure.labels) metric.label.push_back({name, value});
    if (families.empty() || families.back().name != figure.name) {
      const auto type = figure.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
      families.push_back({figure.name, figure.help, type, {}});
    }
    families.back().metric.push_back(std::move(metric));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace twinhub::ops
