// `twinhub device why`: the hub's connection notices of one device, in words.
#pragma once

#include "config/settings.hpp"

#include <string>

namespace twinhub::cli {

struct WhyOptions {
  std::string id;     ///< a device, or "device/module"
  std::string since;  ///< an ISO 8601 time; "" = all that the hub remembers
  bool json = false;
  bool follow = false;  ///< goes on with what happens next
};
[[nodiscard]] int explain_device(const config::Settings& settings, const WhyOptions& options);

}  // namespace twinhub::cli
