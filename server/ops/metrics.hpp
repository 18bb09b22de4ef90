// The metrics page, in Prometheus' text format.
#pragma once

#include "storage/tally.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::ops {

struct Figure {
  std::string name;  ///< e.g. "twinhub_mqtt_connections"; counters end in _total
  std::string help;
  double value = 0;
  bool counter = false;                                          ///< else a gauge
  std::vector<std::pair<std::string, std::string>> labels = {};  ///< figures of one name stand together
  std::optional<TimeCounts> times = {};                          ///< a histogram, in the place of `value`
};

/// What every process shows: resident memory, CPU seconds, open descriptors, start time, by their usual names.
[[nodiscard]] std::vector<Figure> process_figures();
// Of these what is cheap.
[[nodiscard]] double resident_bytes();
[[nodiscard]] double cpu_seconds();
[[nodiscard]] std::string render(const std::vector<Figure>& figures);

}  // namespace twinhub::ops
