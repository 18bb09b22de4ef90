// `twinhub az`: how the Azure CLI is made to talk to this hub.
#pragma once

#include "config/settings.hpp"

#include <string>

namespace twinhub::cli {

struct AzOptions {
  bool undo = false;
  std::string cloud = "twinhub";  ///< the name of the hub in az's list of clouds
};

/// Lines for a shell. Errors: the hub was never started with its management plane on; there is no management key.
[[nodiscard]] int print_az(const config::Settings& settings, const AzOptions& options);

}  // namespace twinhub::cli
