#include "server/management/arm/hub_keys.hpp"

#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/handlers.hpp"

#include <algorithm>
#include <cassert>

namespace twinhub::management {
namespace {

using hub::Policy;
using hub::Right;

constexpr std::size_t key_bytes = 32;
constexpr std::size_t key_bytes_least = 16;
constexpr std::size_t key_bytes_most = 64;
constexpr std::string_view reserved_name = "management";  // the client that the management key belongs to
constexpr Right all_rights =
    Right::registry_read | Right::registry_write | Right::service_connect | Right::device_connect;

struct RightName {
  std::string_view name;
  Right right;
};
constexpr RightName right_names[] = {
    {"RegistryRead", Right::registry_read},
    {"RegistryWrite", Right::registry_read | Right::registry_write},
    {"ServiceConnect", Right::service_connect},
    {"DeviceConnect", Right::device_connect},
};

std::string key_document(const Policy& policy) {
  return JsonObject()
      .text("keyName", policy.name)
      .text("primaryKey", policy.primary_key)
      .text("secondaryKey", policy.secondary_key)
      .text("rights", rights_text(policy.rights))
      .close();
}

const Policy* find_policy(const std::vector<Policy>& policies, std::string_view name) {
  const auto found =
      std::find_if(policies.begin(), policies.end(), [&](const Policy& p) { return same_name(p.name, name); });
  return found == policies.end() ? nullptr : &*found;
}

ArmAnswer invalid(std::string_view why) { return refusal(400, "BadRequest", why); }

ArmResult<Right> read_rights(std::string_view text) {
  Right rights = Right::none;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view word = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    const auto* const found = std::find_if(std::begin(right_names), std::end(right_names),
                                           [&](const RightName& known) { return same_name(known.name, word); });
    if (found == std::end(right_names))
      return invalid("Rights are RegistryRead, RegistryWrite, ServiceConnect and DeviceConnect, joined by commas.");
    rights = rights | found->right;
  }
  if (rights == Right::none) return invalid("A policy needs a right.");
  return rights;
}

/// The key that is sent, else the one that is there, else a new one.
ArmResult<std::string> read_key(json::Value policy, std::string_view member, const std::string* current,
                                hub::Random& random) {
  const auto sent = policy.find(member);
  if (!sent || sent->is_null() || sent->string() == "")
    return current != nullptr ? *current : base64_encode(random.bytes(key_bytes));
  const auto key = sent->string();
  const auto bytes = key ? base64_decode(*key) : std::nullopt;
  if (!bytes || bytes->size() < key_bytes_least || bytes->size() > key_bytes_most)
    return invalid("A policy's key is the base64 of 16 to 64 bytes.");
  return *key;
}

ArmResult<Policy> read_policy(json::Value sent, const ArmContext& context, const std::vector<Policy>& now) {
  const auto name_member = sent.find("keyName");
  const auto name = name_member ? name_member->string() : std::nullopt;
  if (!name || !is_policy_name(*name) || same_name(*name, reserved_name))
    return invalid("A policy's keyName is 1 to 64 of letters, digits and - _ . and not 'management'.");
  const auto rights_member = sent.find("rights");
  const auto rights = read_rights(rights_member ? rights_member->string().value_or("") : "");
  if (!rights) return rights.error();
  const Policy* const current = find_policy(now, *name);
  auto primary = read_key(sent, "primaryKey", current ? &current->primary_key : nullptr, context.random);
  if (!primary) return primary.error();
  auto secondary = read_key(sent, "secondaryKey", current ? &current->secondary_key : nullptr, context.random);
  if (!secondary) return secondary.error();
  return Policy{current ? current->name : *name, *rights, std::move(*primary), std::move(*secondary)};
}

}  // namespace

std::string rights_text(Right rights) {
  std::string text;
  const auto add = [&](std::string_view word) { text += (text.empty() ? "" : ", ") + std::string(word); };
  if (has(rights, Right::registry_write)) {
    add("RegistryWrite");
  } else if (has(rights, Right::registry_read)) {
    add("RegistryRead");
  }
  if (has(rights, Right::service_connect)) add("ServiceConnect");
  if (has(rights, Right::device_connect)) add("DeviceConnect");
  return text;
}

ArmResult<std::vector<Policy>> read_policies(json::Value list, const ArmContext& context) {
  if (list.kind() != json::Kind::array) return invalid("authorizationPolicies must be a list.");
  const auto now = context.hub.authenticator.policies();
  std::vector<Policy> policies;
  for (const json::Value sent : list) {
    auto policy = read_policy(sent, context, *now);
    if (!policy) return policy.error();
    if (find_policy(policies, policy->name) != nullptr)
      return invalid("The policy '" + policy->name + "' stands twice in authorizationPolicies.");
    policies.push_back(std::move(*policy));
    if (policies.size() > policies_max)
      return invalid("A hub has at most " + std::to_string(policies_max) + " policies.");
  }
  const Policy* const owner = find_policy(policies, owner_policy);
  if (owner == nullptr || !has(owner->rights, all_rights))
    return invalid("The policy iothubowner stays, with all its rights: the hub's own tools log in by it.");
  return policies;
}

std::optional<ArmAnswer> apply_policies(ArmCall& call, std::vector<Policy> policies) {
  assert(call.context.options.keep_policies);
  if (const auto kept = call.context.options.keep_policies(policies); !kept)
    return refusal(kept.error(), "authorizationPolicies");
  std::string names;
  for (const Policy& policy : policies) names += (names.empty() ? "" : ", ") + policy.name;
  call.context.hub.authenticator.replace_policies(std::move(policies));
  log_change(call.request, "shared access policies set: " + names);
  return std::nullopt;
}

ArmAnswer list_keys(ArmCall& call) {
  std::vector<std::string> keys;
  for (const Policy& policy : *call.context.hub.authenticator.policies()) keys.push_back(key_document(policy));
  log_change(call.request, "keys of all policies read");
  return document(value_list(keys));
}

ArmAnswer get_key(ArmCall& call) {
  const auto policies = call.context.hub.authenticator.policies();
  const std::string& name = call.names[2];
  const Policy* const policy = find_policy(*policies, name);
  if (policy == nullptr) return refusal(404, "ResourceNotFound", "There is no policy '" + name + "'.");
  log_change(call.request, "keys of the policy '" + policy->name + "' read");
  return document(key_document(*policy));
}

}  // namespace twinhub::management
