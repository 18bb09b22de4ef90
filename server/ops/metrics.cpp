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

double open_descriptors() {
  std::error_code error;
  double count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++count;
  }
  return count;
}

double descriptors_max() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

const double start_time_seconds =
    std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

}  // namespace

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

std::vector<Figure> process_figures() {
  return {
      {"process_cpu_seconds_total", "User and system CPU time spent.", cpu_seconds(), true},
      {"process_resident_memory_bytes", "Resident memory size.", resident_bytes(), false},
      {"process_open_fds", "Open file descriptors.", open_descriptors(), false},
      {"process_max_fds", "Descriptors that the process may have open.", descriptors_max(), false},
      {"process_start_time_seconds", "Start of the process, Unix time.", start_time_seconds, false},
  };
}

namespace {

prometheus::ClientMetric::Histogram histogram_of(const TimeCounts& times) {
  prometheus::ClientMetric::Histogram histogram;
  for (std::size_t i = 0; i < TimeCounts::microseconds_max.size(); ++i) {
    histogram.sample_count += times.buckets[i];
    histogram.bucket.push_back({histogram.sample_count, TimeCounts::microseconds_max[i] / 1e6});
  }
  histogram.sample_count += times.buckets.back();
  histogram.sample_sum = static_cast<double>(times.nanoseconds) / 1e9;
  return histogram;
}

prometheus::MetricType type_of(const Figure& figure) {
  if (figure.times) return prometheus::MetricType::Histogram;
  return figure.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
}

}  // namespace

std::string render(const std::vector<Figure>& figures) {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(figures.size());
  for (const Figure& figure : figures) {
    prometheus::ClientMetric metric;
    if (figure.times) {
      metric.histogram = histogram_of(*figure.times);
    } else if (figure.counter) {
      metric.counter.value = figure.value;
    } else {
      metric.gauge.value = figure.value;
    }
    for (const auto& [name, value] : figure.labels) metric.label.push_back({name, value});
    if (families.empty() || families.back().name != figure.name)
      families.push_back({figure.name, figure.help, type_of(figure), {}});
    families.back().metric.push_back(std::move(metric));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace twinhub::ops
