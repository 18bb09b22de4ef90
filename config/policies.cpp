#include "config/policies.hpp"

#include "config/settings.hpp"

#include <toml++/toml.h>

namespace twinhub::config {

std::vector<PolicyKeys> read_policies(const std::filesystem::path& file) {
  std::vector<PolicyKeys> policies;
  if (!std::filesystem::exists(file)) return policies;
  try {
    const toml::table table = toml::parse_file(file.string());
    for (const std::string_view name : policy_names) {
      const auto primary = table[name]["primary_key"].value<std::string>();
      const auto secondary = table[name]["secondary_key"].value<std::string>();
      if (!primary || !secondary)
        throw SettingsError(file.string() + ": policy " + std::string(name) + " has no primary_key and secondary_key");
      policies.push_back({std::string(name), *primary, *secondary});
    }
  } catch (const toml::parse_error& error) {
    throw SettingsError(file.string() + ":" + std::to_string(error.source().begin.line) + ": " +
                        std::string(error.description()));
  }
  return policies;
}

std::string policies_text(const std::vector<PolicyKeys>& policies) {
  std::string text =
      "# Keys of the shared access policies, made at the first start. Keep them secret; restart the hub after a "
      "change.\n";
  for (const PolicyKeys& policy : policies) {
    text += "\n[" + policy.name + "]\nprimary_key = \"" + policy.primary_key + "\"\nsecondary_key = \"" +
            policy.secondary_key + "\"\n";
  }
  return text;
}

std::vector<PolicyKeys> dev_policies() {
  std::vector<PolicyKeys> policies;
  for (const std::string_view name : policy_names) {
    policies.push_back({std::string(name), std::string(dev_primary_key), std::string(dev_secondary_key)});
  }
  return policies;
}

}  // namespace twinhub::config
