// The API's routes for whoever owns the hub: its policies' keys, and backups.
#include "server/console/api.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "server/base/log.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::console {
namespace {

using hub::Right;

constexpr Right every_right =
    Right::registry_read | Right::registry_write | Right::service_connect | Right::device_connect;

/// Nobody comes by more rights than he has. A policy without any is not of the service API: its key is the owner's.
bool may_see_keys(Right rights, const hub::Policy& policy) {
  return has(rights, policy.rights == Right::none ? every_right : policy.rights);
}

ops::SiteAnswer answer_of(ops::Page page) {
  return {page.status, {{"Content-Type", std::move(page.type)}, {"Cache-Control", "no-store"}}, std::move(page.body)};
}

}  // namespace

ops::SiteAnswer Api::policies(const Call& call) {
  const auto all = parts_.hub.authenticator.policies();
  return json_answer(JsonObject()
                         .raw("policies", json_array(*all,
                                                     [&call](std::string& out, const hub::Policy& policy) {
                                                       out += JsonObject()
                                                                  .text("name", policy.name)
                                                                  .raw("rights", rights_json(policy.rights))
                                                                  .flag("keysShown",
                                                                        may_see_keys(call.session.login.rights, policy))
                                                                  .close();
                                                     }))
                         .close());
}

std::variant<hub::Policy, ops::SiteAnswer> Api::policy_of(const Call& call) const {
  const std::string name = iothub::percent_decode(call.name);
  const auto all = parts_.hub.authenticator.policies();
  const auto policy =
      std::find_if(all->begin(), all->end(), [&name](const hub::Policy& each) { return each.name == name; });
  if (policy == all->end()) return message_answer(404, "there is no such policy");
  if (!may_see_keys(call.session.login.rights, *policy))
    return message_answer(403, "the policy '" + call.session.login.policy + "' has not all the rights of that one");
  return *policy;
}

ops::SiteAnswer Api::policy_keys(const Call& call) {
  auto found = policy_of(call);
  if (auto* refused = std::get_if<ops::SiteAnswer>(&found)) return std::move(*refused);
  const auto& policy = std::get<hub::Policy>(found);
  const std::string peer = call.visit.peer.to_string();
  log::info({.event = "console_keys_shown", .address = peer},
            "console: the keys of policy '{}' were shown to policy '{}' at {}", policy.name, call.session.login.policy,
            peer);
  return json_answer(
      JsonObject().text("primaryKey", policy.primary_key).text("secondaryKey", policy.secondary_key).close());
}

/// {"renew":"primary"} or "secondary". Sessions and connections that rest on the old key end.
ops::SiteAnswer Api::renew_policy_key(const Call& call) {
  auto found = policy_of(call);
  if (auto* refused = std::get_if<ops::SiteAnswer>(&found)) return std::move(*refused);
  const auto& policy = std::get<hub::Policy>(found);
  const auto document = json::parse(call.body);
  const auto member = document ? document->root().find("renew") : std::nullopt;
  const std::string which = member ? member->string().value_or("") : "";
  if (which != "primary" && which != "secondary")
    return message_answer(400, R"(the body is {"renew":"primary"} or {"renew":"secondary"})");
  const auto renewed = options_.renew_key(policy.name, which == "primary");
  const std::string peer = call.visit.peer.to_string();
  log::info({.event = "console_key_renewed", .address = peer},
            "console: a new {} key of policy '{}' ordered by policy '{}' from {}: {}", which, policy.name,
            call.session.login.policy, peer, renewed ? "done" : renewed.error().detail);
  return renewed ? ops::SiteAnswer{204, {{"Cache-Control", "no-store"}}, {}}
                 : message_answer(503, renewed.error().detail);
}

ops::SiteAnswer Api::begin_backup(const Call& call) {
  ops::Page page = options_.begin_backup(call.visit.query());
  const std::string peer = call.visit.peer.to_string(), code = std::to_string(page.status);
  log::info({.event = "console_backup", .address = peer, .code = code},
            "console: backup ordered by policy '{}' from {}: {}", call.session.login.policy, peer, code);
  return answer_of(std::move(page));
}

ops::SiteAnswer Api::backup_state(const Call&) { return answer_of(options_.backup_state()); }

}  // namespace twinhub::console
