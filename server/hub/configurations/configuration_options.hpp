// Bounds of automatic configurations.
#pragma once

#include <cstddef>

namespace twinhub::hub {

struct ConfigurationOptions {
  std::size_t count_max = 100;  ///< azure-docs iot-hub-devguide-quotas-throttling, "automatic device configurations"
  bool strict_queries = false;  ///< as QueryOptions::strict
  // A tick ends with the first of these.
  std::size_t slice_twins = 512;
  std::size_t slice_scanned = 8192;
  std::size_t in_flight_max = 4096;  ///< writes that wait for the disk
  std::size_t waiting_max = 65536;   ///< changed twins to look at; when there are more, all are looked at
  std::size_t reports_max = 16;      ///< answers with metrics being made at once; more are refused
};

}  // namespace twinhub::hub
