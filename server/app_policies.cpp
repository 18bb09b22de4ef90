// The shared access policies between their file and the authenticator.
#include "config/policies.hpp"
#include "protocol/iothub/sas_token.hpp"
#include "server/app_parts.hpp"
#include "server/net/certificates.hpp"

#include <algorithm>
#include <utility>

namespace twinhub {
namespace {

constexpr std::size_t key_bytes = 32;

struct NamedRight {
  std::string_view name;
  hub::Right right;
};
constexpr NamedRight named_rights[] = {{"RegistryRead", hub::Right::registry_read},
                                       {"RegistryWrite", hub::Right::registry_write},
                                       {"ServiceConnect", hub::Right::service_connect},
                                       {"DeviceConnect", hub::Right::device_connect}};

hub::Right rights_of(const config::PolicyKeys& policy) {
  const auto words = config::right_words_of(policy);
  hub::Right rights = hub::Right::none;
  for (const auto& [name, right] : named_rights) {
    if (std::find(words.begin(), words.end(), name) != words.end()) rights = rights | right;
  }
  return rights;
}

/// What the file has to say of the rights: nothing, where they are those that the policy has on every hub.
std::vector<std::string> words_of(const hub::Policy& policy) {
  std::vector<std::string> words;
  if (policy.rights == rights_of(config::PolicyKeys{policy.name, {}, {}, {}})) return words;
  for (const auto& [name, right] : named_rights) {
    if (hub::has(policy.rights, right)) words.emplace_back(name);
  }
  return words;
}

std::vector<config::PolicyKeys> random_policies(hub::Random& random) {
  std::vector<config::PolicyKeys> policies;
  for (const std::string_view name : config::policy_names) {
    policies.push_back(
        {std::string(name), base64_encode(random.bytes(key_bytes)), base64_encode(random.bytes(key_bytes))});
  }
  return policies;
}

std::vector<hub::Policy> policies_of(const std::vector<config::PolicyKeys>& keys) {
  std::vector<hub::Policy> policies;
  for (const auto& key : keys) policies.push_back({key.name, rights_of(key), key.primary_key, key.secondary_key});
  return policies;
}

bool is_key(const std::string& text) {
  constexpr std::size_t bytes_least = 16, bytes_most = 64;
  const auto bytes = base64_decode(text);
  return bytes && bytes->size() >= bytes_least && bytes->size() <= bytes_most;
}

}  // namespace

Result<std::vector<hub::Policy>> load_policies(const config::Settings& settings, hub::Random& random) {
  std::vector<config::PolicyKeys> keys;
  try {
    keys = config::policies_of(settings);
  } catch (const config::SettingsError& error) {
    return fail(Errc::service_unavailable, error.what());
  }
  if (keys.empty()) {
    keys = random_policies(random);
    const auto written = net::write_file(config::policies_file(settings), config::policies_text(keys), 0600);
    if (!written) return written.error();
  }
  return policies_of(keys);
}

Result<std::vector<hub::Policy>> read_policies(const config::Settings& settings) {
  const auto cannot = [](const std::string& why) { return fail(Errc::argument_invalid, why); };
  const std::string file = config::policies_file(settings).string();
  try {
    const auto keys = config::policies_of(settings);
    if (keys.empty()) return cannot("there is no " + file);
    for (const auto& policy : keys) {
      for (const auto& [name, key] : {std::pair<const char*, const std::string&>("primary_key", policy.primary_key),
                                      {"secondary_key", policy.secondary_key}}) {
        if (!is_key(key))
          return cannot(file + ": " + name + " of policy " + policy.name + " is no base64 of 16 to 64 bytes");
      }
    }
    return policies_of(keys);
  } catch (const config::SettingsError& error) {
    return cannot(error.what());
  }
}

std::string changes_of(const std::vector<hub::Policy>& before, const std::vector<hub::Policy>& after) {
  const auto find = [](const std::vector<hub::Policy>& list, const std::string& name) {
    return std::find_if(list.begin(), list.end(), [&name](const hub::Policy& policy) { return policy.name == name; });
  };
  std::string words;
  const auto add = [&words](const hub::Policy& policy, const char* what) {
    words += (words.empty() ? "" : ", ") + policy.name + ": " + what;
  };
  for (const hub::Policy& policy : after) {
    const auto known = find(before, policy.name);
    if (known == before.end()) {
      add(policy, "added");
      continue;
    }
    if (known->primary_key != policy.primary_key) add(policy, "new primary key");
    if (known->secondary_key != policy.secondary_key) add(policy, "new secondary key");
    if (known->rights != policy.rights) add(policy, "other rights");
  }
  for (const hub::Policy& policy : before) {
    if (find(after, policy.name) == after.end()) add(policy, "removed");
  }
  return words;
}

Result<void> keep_policies(const config::Settings& settings, const std::vector<hub::Policy>& policies) {
  std::vector<config::PolicyKeys> keys;
  for (const auto& policy : policies)
    keys.push_back({policy.name, policy.primary_key, policy.secondary_key, words_of(policy)});
  return net::write_file(config::policies_file(settings), config::policies_text(keys), 0600);
}

Result<void> renew_policy_key(const config::Settings& settings, hub::Authenticator& authenticator, hub::Random& random,
                              const std::string& policy, bool is_primary) {
  auto policies = read_policies(settings);  // the file, as a reload takes it
  if (!policies) return policies.error();
  const auto found = std::find_if(policies->begin(), policies->end(),
                                  [&policy](const hub::Policy& each) { return each.name == policy; });
  if (found == policies->end()) return fail(Errc::argument_invalid, "the policies' file has no such policy");
  (is_primary ? found->primary_key : found->secondary_key) = base64_encode(random.bytes(key_bytes));
  if (const auto kept = keep_policies(settings, *policies); !kept) return kept;
  authenticator.replace_policies(std::move(*policies));
  return {};
}

}  // namespace twinhub
