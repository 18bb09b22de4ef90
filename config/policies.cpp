#include "config/policies.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <iterator>

namespace twinhub::config {
namespace {

namespace fs = std::filesystem;

/// The list's name holds a space, so that it is no policy's.
constexpr std::string_view deleted_list = "deleted policies";
constexpr std::string_view deleted_list_before = "deleted";  // of files written by an older hub

toml::table read_table(const fs::path& file) {
  try {
    return toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    throw SettingsError(file.string() + ":" + std::to_string(error.source().begin.line) + ": " +
                        std::string(error.description()));
  }
}

std::vector<std::string> texts_of(const toml::node_view<const toml::node>& list) {
  std::vector<std::string> texts;
  if (const auto* array = list.as_array()) {
    for (const auto& element : *array) texts.push_back(element.value_or(std::string()));
  }
  return texts;
}

bool is_on_every_hub(std::string_view name) {
  return std::find(std::begin(policy_names), std::end(policy_names), name) != std::end(policy_names);
}

PolicyKeys keys_of(const toml::table& table, std::string_view name, const fs::path& file) {
  const auto primary = table[name]["primary_key"].value<std::string>();
  const auto secondary = table[name]["secondary_key"].value<std::string>();
  if (!primary || !secondary)
    throw SettingsError(file.string() + ": policy " + std::string(name) + " has no primary_key and secondary_key");
  return {std::string(name), *primary, *secondary, texts_of(table[name]["rights"])};
}

std::string list_text(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out.append(out.size() > 1 ? ", \"" : "\"").append(text).append("\"");
  return out + "]";
}

std::string keys_text(const PolicyKeys& policy) {
  // In quotes, for a dot in a bare key would begin a table in the table; names hold neither quotes nor backslashes.
  std::string text = "\n[\"" + policy.name + "\"]\nprimary_key = \"" + policy.primary_key + "\"\nsecondary_key = \"" +
                     policy.secondary_key + "\"\n";
  if (!policy.rights.empty()) text += "rights = " + list_text(policy.rights) + "\n";
  return text;
}

}  // namespace

std::vector<std::string> right_words_of(const PolicyKeys& policy) {
  if (!policy.rights.empty()) return policy.rights;
  if (policy.name == "iothubowner") return {"RegistryRead", "RegistryWrite", "ServiceConnect", "DeviceConnect"};
  if (policy.name == "service") return {"ServiceConnect"};
  if (policy.name == "device") return {"DeviceConnect"};
  if (policy.name == "registryRead") return {"RegistryRead"};
  if (policy.name == "registryReadWrite") return {"RegistryRead", "RegistryWrite"};
  return {};
}

fs::path policies_file(const Settings& settings) {
  return fs::path(settings.data_dir) / (settings.dev ? "policies.dev.toml" : "policies.toml");
}

std::vector<PolicyKeys> policies_of(const Settings& settings) {
  auto policies = read_policies(policies_file(settings));
  return policies.empty() && settings.dev ? dev_policies() : policies;
}

std::vector<PolicyKeys> read_policies(const fs::path& file) {
  std::vector<PolicyKeys> policies;
  if (!fs::exists(file)) return policies;
  const toml::table table = read_table(file);
  auto deleted = texts_of(table[deleted_list]);
  if (deleted.empty()) deleted = texts_of(table[deleted_list_before]);
  for (const std::string_view name : policy_names) {
    if (std::find(deleted.begin(), deleted.end(), name) == deleted.end())
      policies.push_back(keys_of(table, name, file));
  }
  for (const auto& [key, node] : table) {
    if (!node.is_table() || is_on_every_hub(key.str())) continue;
    policies.push_back(keys_of(table, key.str(), file));
    if (policies.back().rights.empty())
      throw SettingsError(file.string() + ": policy " + std::string(key.str()) + " has no rights");
  }
  return policies;
}

std::string policies_text(const std::vector<PolicyKeys>& policies) {
  std::string text =
      "# Keys of the shared access policies, made at the first start. Keep them secret. A running hub reads this file\n"
      "# when 'twinhub reload' says so, and writes it anew when a client changes the policies.\n";
  std::vector<std::string> deleted;
  for (const std::string_view name : policy_names) {
    const auto is_it = [name](const PolicyKeys& policy) { return policy.name == name; };
    if (std::none_of(policies.begin(), policies.end(), is_it)) deleted.emplace_back(name);
  }
  if (!deleted.empty()) text += "\"" + std::string(deleted_list) + "\" = " + list_text(deleted) + "\n";
  for (const PolicyKeys& policy : policies) text += keys_text(policy);
  return text;
}

std::vector<PolicyKeys> dev_policies() {
  std::vector<PolicyKeys> policies;
  for (const std::string_view name : policy_names) {
    policies.push_back({std::string(name), std::string(dev_primary_key), std::string(dev_secondary_key)});
  }
  return policies;
}

fs::path management_file(const Settings& settings) { return fs::path(settings.data_dir) / "management.toml"; }

fs::path management_secret_file(const Settings& settings) { return fs::path(settings.data_dir) / "management.key"; }

std::optional<PolicyKeys> read_management_keys(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  return keys_of(read_table(file), management_client, file);
}

std::string management_text(const PolicyKeys& keys) {
  return "# Keys of the client that may manage the hub and nothing else ('twinhub policy'). A running hub follows a "
         "change "
         "of this file.\n" +
         keys_text(keys);
}

}  // namespace twinhub::config
