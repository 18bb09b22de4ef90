// `twinhub configuration`: automatic device configurations, over REST.
#pragma once

#include "config/settings.hpp"

#include <string>

namespace twinhub::cli {

[[nodiscard]] int list_configurations(const config::Settings& settings, bool json);
[[nodiscard]] int show_configuration(const config::Settings& settings, const std::string& id, bool json);
[[nodiscard]] int delete_configuration(const config::Settings& settings, const std::string& id,
                                       const std::string& etag);

struct ConfigurationSet {
  std::string id;
  std::string file;      ///< JSON as REST takes it, "-" = standard input
  std::string target;    ///< replaces the file's targetCondition, "" = leave it
  std::string priority;  ///< a number, "" = leave it
  std::string etag;      ///< update only while the configuration has this etag; "" = create, or update unconditionally
  bool json = false;
};
[[nodiscard]] int set_configuration(const config::Settings& settings, const ConfigurationSet& options);

}  // namespace twinhub::cli
