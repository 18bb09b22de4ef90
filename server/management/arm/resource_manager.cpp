#include "server/management/arm/resource_manager.hpp"

#include "server/base/answer.hpp"
#include "server/base/error_table.hpp"
#include "server/base/log.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/deletion.hpp"
#include "server/management/arm/handlers.hpp"
#include "storage/guarded.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <optional>
#include <utility>

namespace twinhub::management {
namespace {

enum class Effect : std::uint8_t {
  none,    ///< also of deletions: they go on with one that has failed half way
  change,  ///< of what is kept; not while a deletion has failed half way
};

struct Route {
  std::string_view method;
  /// Words are the same in any case. {s}: the subscription; {g}: a group and {h}: a hub that are there; {x}: any name.
  std::string_view pattern;
  Handler handler;
  Effect effect = Effect::none;
};

// A pattern of literal words stands before one with a name in its place.
constexpr Route routes[] = {
    {"GET", "subscriptions", list_subscriptions},
    {"GET", "tenants", list_tenants},
    {"GET", "subscriptions/{s}", get_subscription},
    {"GET", "subscriptions/{s}/locations", list_locations},
    {"GET", "subscriptions/{s}/providers", list_providers},
    {"GET", "subscriptions/{s}/providers/{x}", get_provider},
    {"POST", "subscriptions/{s}/providers/{x}/register", get_provider},
    {"GET", "subscriptions/{s}/resources", list_resources},

    {"GET", "subscriptions/{s}/resourceGroups", list_groups},
    {"PUT", "subscriptions/{s}/resourceGroups/{x}", put_group, Effect::change},
    {"GET", "subscriptions/{s}/resourceGroups/{g}", get_group},
    {"HEAD", "subscriptions/{s}/resourceGroups/{g}", head_group},
    {"PATCH", "subscriptions/{s}/resourceGroups/{g}", patch_group, Effect::change},
    {"DELETE", "subscriptions/{s}/resourceGroups/{g}", delete_group},
    {"GET", "subscriptions/{s}/resourceGroups/{g}/resources", list_group_resources},

    {"POST", "subscriptions/{s}/providers/Microsoft.Devices/checkNameAvailability", check_name_availability},
    {"GET", "subscriptions/{s}/providers/Microsoft.Devices/usages", subscription_usages},
    {"GET", "subscriptions/{s}/providers/Microsoft.Devices/IotHubs", list_hubs},
    {"GET", "subscriptions/{s}/providers/Microsoft.Devices/provisioningServices", empty_list},
    {"GET", "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/provisioningServices", empty_list},
    {"GET", "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/IotHubs", list_group_hubs},
    {"PUT", "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/IotHubs/{x}", put_hub, Effect::change},
    {"GET", "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/IotHubs/{h}", get_hub},
    {"HEAD", "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/IotHubs/{h}", head_hub},
    {"PATCH", "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/IotHubs/{h}", patch_hub,
     Effect::change},
    {"DELETE", "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/IotHubs/{h}", delete_hub},
};

constexpr std::string_view hub_path = "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/IotHubs/{h}/";
constexpr Route hub_routes[] = {
    {"POST", "listkeys", list_keys},
    {"POST", "IotHubKeys/{x}/listkeys", get_key},
    {"GET", "skus", list_skus},
    {"GET", "IotHubStats", hub_stats},
    {"GET", "quotaMetrics", quota_metrics},
    {"GET", "jobs", empty_list},
    {"GET", "privateLinkResources", empty_list},
    {"GET", "privateEndpointConnections", empty_list},
    {"GET", "routingEndpointsHealth", endpoints_health},
    {"POST", "routing/routes/$testall", test_all_routes},
    {"POST", "routing/routes/$testnew", test_new_route},
    {"GET", "eventHubEndpoints/{x}/ConsumerGroups", list_consumer_groups},
    {"GET", "eventHubEndpoints/{x}/ConsumerGroups/{x}", get_consumer_group},
    {"PUT", "eventHubEndpoints/{x}/ConsumerGroups/{x}", put_consumer_group},
    {"DELETE", "eventHubEndpoints/{x}/ConsumerGroups/{x}", delete_consumer_group},
    {"GET", "certificates", list_certificates},
    {"GET", "certificates/{x}", get_certificate},
    {"PUT", "certificates/{x}", put_certificate, Effect::change},
    {"DELETE", "certificates/{x}", delete_certificate, Effect::change},
    {"POST", "certificates/{x}/generateVerificationCode", generate_verification_code, Effect::change},
    {"POST", "certificates/{x}/verify", verify_certificate, Effect::change},
    {"POST", "failover", fail_over},
};

constexpr std::string_view deployment_path =
    "subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Resources/deployments";
constexpr Route deployment_routes[] = {
    {"GET", "", list_deployments},
    {"GET", "/{x}", get_deployment},
    {"HEAD", "/{x}", head_deployment},
    {"PUT", "/{x}", put_deployment, Effect::change},
    {"DELETE", "/{x}", delete_deployment, Effect::change},
    {"POST", "/{x}/validate", validate_deployment},
    {"POST", "/{x}/whatIf", what_if},
    {"GET", "/{x}/operations", deployment_operations},
};

/// What a path was found to lead to, in the order of growing knowledge.
struct Match {
  const Route* route = nullptr;
  bool path_known = false;  ///< under another method, perhaps
  bool in_group = false;    ///< below a group that has to exist
  bool in_hub = false;
  std::vector<std::string> names = {};
};

/// `pattern` consumed from its front; "" at its end.
std::string_view next_word(std::string_view& pattern) {
  while (pattern.starts_with('/')) pattern.remove_prefix(1);
  const std::string_view word = pattern.substr(0, pattern.find('/'));
  pattern.remove_prefix(word.size());
  return word;
}

bool fits(std::string_view prefix, std::string_view rest, const std::vector<std::string>& segments, Match& match) {
  match.names.clear();
  match.in_group = match.in_hub = false;
  for (const std::string& segment : segments) {
    std::string_view word = next_word(prefix);
    if (word.empty()) word = next_word(rest);
    if (word.empty()) return false;
    if (word == "{s}") continue;
    if (word.front() != '{') {
      if (!same_name(word, segment)) return false;
      continue;
    }
    match.in_group = match.in_group || word == "{g}";
    match.in_hub = match.in_hub || word == "{h}";
    match.names.push_back(segment);
  }
  return next_word(prefix).empty() && next_word(rest).empty();
}

template <std::size_t count>
bool find_in(const Route (&table)[count], std::string_view prefix, const ArmRequest& request, Match& match) {
  for (const Route& route : table) {
    Match found;
    if (!fits(prefix, route.pattern, request.segments, found)) continue;
    match.path_known = true;
    if (route.method != request.method) continue;
    found.route = &route;
    match = std::move(found);
    return true;
  }
  return false;
}

Match find_route(const ArmRequest& request) {
  Match match;
  find_in(routes, "", request, match) || find_in(hub_routes, hub_path, request, match) ||
      find_in(deployment_routes, deployment_path, request, match);
  return match;
}

std::string path_of(const ArmRequest& request) {
  std::string path;
  for (const std::string& segment : request.segments) path += "/" + segment;
  return path;
}

/// Of a path that no route has: what in it is not known.
ArmAnswer no_route(const ArmRequest& request, bool path_known) {
  if (path_known)
    return refusal(405, "MethodNotAllowed",
                   "The resource '" + path_of(request) + "' does not take " + request.method + ".");
  const auto provider = std::find_if(request.segments.begin(), request.segments.end(),
                                     [](const std::string& segment) { return same_name(segment, "providers"); });
  if (provider == request.segments.end() || std::next(provider) == request.segments.end())
    return refusal(404, "InvalidResourceType", "There is nothing at '" + path_of(request) + "'.");
  const std::string& name = *std::next(provider);
  if (!same_name(name, devices_provider) && !same_name(name, resources_provider))
    return refusal(404, "InvalidResourceNamespace", "The resource namespace '" + name + "' is invalid.");
  return refusal(404, "InvalidResourceType",
                 "The resource type of '" + path_of(request) + "' is not among those of this hub.");
}

}  // namespace

class ResourceManager::Impl {
 public:
  Impl(hub::Hub& hub, hub::Random& random, ArmOptions options)
      : options_(std::move(options)),
        state_(hub.store, {options_.hub_name, options_.resource_group}),
        is_stopping_([this] { return stopping_ || (options_.stop_is_asked && options_.stop_is_asked()); }),
        context_{hub,    random,       options_,
                 state_, is_stopping_, [this](const ArmRequest& request) { return answer(request); }} {
    assert(options_.keep_policies);
  }

  Result<void> load() {
    if (const auto loaded = state_.load(); !loaded) return loaded;
    if (!state_.erasing()) return {};
    // The devices may be others by now, and the operator has taken the permission back.
    if (!options_.delete_erases) {
      log::warn({.event = "deletion_given_up"},
                "the hub was being deleted when it stopped; by these settings nothing is erased: the rest stays");
      return state_.drop_mark();
    }
    log::warn({.event = "deletion_resumed"},
              "the hub was being deleted when it stopped: the rest of its devices goes now");
    auto done = carry_out_deletion(context_);
    if (!done && is_stopping_())
      return fail(Errc::service_unavailable, "stopped while the hub was being deleted; the next start goes on with it");
    return done;
  }

  void stop() { stopping_ = true; }

  void show(ShownRouting routing) {
    const MutexLock lock(mutex_);
    next_routing_ = std::move(routing);
  }

  /// Before a request, and not in the middle of one: handlers keep references.
  void take_routing() {
    const MutexLock lock(mutex_);
    if (!next_routing_) return;
    options_.routing = std::move(*next_routing_);
    next_routing_.reset();
  }

  ArmAnswer answer(const ArmRequest& request) {
    if (stopping_) return refusal(hub::unavailable(), "subscriptions");
    const auto& segments = request.segments;
    if (segments.size() >= 2 && same_name(segments[0], "subscriptions") &&
        !same_name(segments[1], options_.subscription))
      return refusal(404, "SubscriptionNotFound", "The subscription '" + segments[1] + "' could not be found.");
    const Match match = find_route(request);
    if (match.route == nullptr) return no_route(request, match.path_known);
    if (!request.query.contains("api-version"))
      return refusal(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required.");
    return carry_out(request, match);
  }

 private:
  ArmAnswer carry_out(const ArmRequest& request, const Match& match) {
    ArmCall call{.context = context_, .request = request, .names = match.names};
    if (match.in_group) {
      auto group = state_.group(match.names[0]);
      if (!group)
        return refusal(404, "ResourceGroupNotFound", "Resource group '" + match.names[0] + "' could not be found.");
      call.group = std::move(*group);
    }
    if (match.route->effect == Effect::change && state_.erasing())
      return refusal(409, "ResourceConflict", "The deletion of the hub has failed half way: repeat it first.");
    if (match.in_hub) {
      auto hub = state_.hub();
      if (!hub || !same_name(hub->name, match.names[1]) || !same_name(hub->group, call.group.name)) {
        if (match.route->handler == delete_hub) return {204};
        return refusal(404, "ResourceNotFound",
                       "The Resource 'Microsoft.Devices/IotHubs/" + match.names[1] + "' under resource group '" +
                           call.group.name + "' was not found.");
      }
      call.hub = std::move(*hub);
    }
    return match.route->handler(call);
  }

  ArmOptions options_;  // its routing changes between two requests, the rest never
  ArmState state_;
  Mutex mutex_;
  std::optional<ShownRouting> next_routing_ GUARDED_BY(mutex_);
  std::atomic<bool> stopping_{false};
  const std::function<bool()> is_stopping_;
  ArmContext context_;
};

ResourceManager::ResourceManager(hub::Hub& hub, hub::Random& random, ArmOptions options)
    : impl_(std::make_unique<Impl>(hub, random, std::move(options))) {}
ResourceManager::~ResourceManager() = default;

Result<void> ResourceManager::load() { return impl_->load(); }

void ResourceManager::stop() { impl_->stop(); }

void ResourceManager::show(ShownRouting routing) { impl_->show(std::move(routing)); }

ArmAnswer ResourceManager::answer(const ArmRequest& request) {
  impl_->take_routing();
  ArmAnswer answer = impl_->answer(request);
  if (request.method == "HEAD") answer.body.clear();
  const std::string id = hub::make_request_id();
  answer.headers.emplace_back("x-ms-request-id", id);
  answer.headers.emplace_back("x-ms-correlation-request-id", id);
  return answer;
}

}  // namespace twinhub::management
