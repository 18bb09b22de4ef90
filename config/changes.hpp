// What differs between the settings that a hub runs with and those that its file and environment say now.
#pragma once

#include "config/routes.hpp"
#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace twinhub::config {

struct Change {
  std::string key;
  std::string before;  ///< as `twinhub config` shows it: no secret
  std::string after;
};

/// Whether a running hub takes a change of the setting at a reload.
[[nodiscard]] bool is_live(std::string_view key);

/// The settings of `after` that differ, in the order of all_settings(); without the command line's own.
[[nodiscard]] std::vector<Change> changes(const Settings& before, const Settings& after);

/// `running` with the live settings of `fresh`.
[[nodiscard]] Settings with_live(Settings running, const Settings& fresh);

/// What is in one and not in the other, or not the same in both: names of routes and endpoints, "fallback", "enrichments".
/// "" = nothing. Where it stands in the file does not count.
[[nodiscard]] std::string changes_of(const Routing& before, const Routing& after);

/// Without the places in files.
[[nodiscard]] EndpointSettings without_place(EndpointSettings endpoint);

}  // namespace twinhub::config
