#include "server/app_management.hpp"

#include "config/hub_name.hpp"
#include "config/policies.hpp"
#include "server/app_events.hpp"
#include "server/app_parts.hpp"
#include "server/base/log.hpp"
#include "server/management/arm/arm_state.hpp"
#include "server/net/certificates.hpp"
#include "server/signals.hpp"

#include <sys/stat.h>
#include <filesystem>
#include <fstream>
#include <utility>

namespace twinhub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t secret_bytes = 32;
/// How often the management key's file is looked at: a revoked key works for no longer.
constexpr std::uint64_t look_pace = ticks_per_second;
/// An endpoint that is this far behind the log is shown as unhealthy.
constexpr double unhealthy_lag_seconds = 60;

Result<std::string> read_secret(const fs::path& file, hub::Random& random) {
  if (!fs::exists(file)) {
    std::string secret = random.bytes(secret_bytes);
    if (const auto written = net::write_file(file, base64_encode(secret) + "\n", 0600); !written)
      return written.error();
    return secret;
  }
  std::string text;
  std::getline(std::ifstream(file), text);
  auto secret = base64_decode(text);
  if (!secret || secret->size() != secret_bytes)
    return fail(
        Errc::service_unavailable,
        file.string() + " is not 32 bytes in base64: restore it, or remove it: az's log-ins of this hub then end");
  return std::move(*secret);
}

management::ShownRouting shown_routing(const config::Settings& settings, const config::Routing& from_file) {
  const config::Routing routing = with_broker(settings, from_file);
  management::ShownRouting shown;
  for (const auto& route : routing.routes)
    shown.routes.push_back({route.name, route.source, route.condition, route.endpoints, route.enabled});
  const auto& fallback = routing.fallback;
  shown.fallback = {"$fallback", "DeviceMessages", "true", fallback.endpoints, fallback.enabled};
  for (const auto& endpoint : routing.endpoints) shown.endpoints.push_back(endpoint.name);
  return shown;
}

management::ArmOptions arm_options(const config::Loaded& loaded, const hub::AccessTokens& tokens,
                                   const events::Endpoints& endpoints, Mutex& policies_mutex) {
  const config::Settings& settings = loaded.settings;
  management::ArmOptions options;
  options.subscription = tokens.subscription();
  options.tenant = tokens.tenant();
  options.hub_name = settings.management_hub_name;
  options.resource_group = settings.management_resource_group;
  options.delete_erases = settings.management_delete == "erase";
  options.sku = settings.sku;
  options.units = settings.units;
  options.event_hub = config::hub_name(settings);
  if (settings.amqps_port != 0) options.event_hub_port = settings.amqps_port;
  options.partitions = settings.events_partitions;
  options.retention_hours = settings.events_retention_hours;
  options.c2d_ttl_default_seconds = settings.c2d_ttl_default_seconds;
  options.c2d_max_delivery_count = settings.c2d_max_delivery_count;
  options.routing = shown_routing(settings, loaded.routing);
  options.endpoint_health = [&endpoints] {
    std::vector<management::EndpointHealth> health;
    for (const auto& each : endpoints.figures())
      health.push_back({each.name, each.figures.lag_seconds < unhealthy_lag_seconds});
    return health;
  };
  options.keep_policies = [&settings, &policies_mutex](const std::vector<hub::Policy>& policies) {
    const MutexLock lock(policies_mutex);  // a reload reads the file and takes it, as one
    return keep_policies(settings, policies);
  };
  options.stop_is_asked = stop_is_pending;
  return options;
}

/// nullopt: there is no such file.
std::optional<FileState> state_of(const fs::path& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return std::nullopt;
  return FileState{static_cast<std::uint64_t>(found.st_ino), found.st_ctim.tv_sec, found.st_ctim.tv_nsec};
}

}  // namespace

Management::Management(const config::Settings& settings, hub::Hub& hub, std::string secret)
    : settings_(settings), clock_(hub.clock), tokens_(std::move(secret), hub.clock) {}

Result<std::unique_ptr<Management>> Management::open(const config::Loaded& loaded, hub::Hub& hub,
                                                     const events::Endpoints& endpoints, net::Threads& threads,
                                                     hub::Random& random, Mutex& policies_mutex) {
  auto secret = read_secret(config::management_secret_file(loaded.settings), random);
  if (!secret) return secret.error();
  std::unique_ptr<Management> made(new Management(loaded.settings, hub, std::move(*secret)));
  made->resource_manager_ = std::make_unique<management::ResourceManager>(
      hub, random, arm_options(loaded, made->tokens_, endpoints, policies_mutex));
  if (const auto ready = made->resource_manager_->load(); !ready) return ready.error();
  management::PlaneOptions options;
  options.owner_manages = loaded.settings.dev;
  options.logins = {.failures_at_once = loaded.settings.management_login_failures_max,
                    .seconds_per_failure = loaded.settings.management_login_failure_seconds,
                    .addresses_max = loaded.settings.management_login_addresses_max};
  options.requests_max = loaded.settings.management_requests_max;
  auto& resource_manager = *made->resource_manager_;
  made->plane_ = std::make_unique<management::Plane>(
      hub, threads, made->tokens_,
      [&resource_manager](const management::ArmRequest& request) { return resource_manager.answer(request); }, options);
  made->follow_management_key();
  hub.authenticator.accept(made->tokens_);
  return made;
}

Result<void> Management::give_up_deletion(storage::Store& store) {
  const auto dropped = management::drop_erasing_mark(store);
  if (!dropped) return dropped.error();
  if (*dropped)
    log::warn({.event = "deletion_given_up"},
              "the hub was being deleted when it stopped; the management plane is off: the rest of its devices stays");
  return {};
}

void Management::show(const config::Settings& settings, const config::Routing& routing) {
  resource_manager_->show(shown_routing(settings, routing));
}

void Management::tick() {
  const std::uint64_t now = clock_.steady().ticks;
  if (now < look_at_) return;
  look_at_ = now + look_pace;
  follow_management_key();
}

void Management::follow_management_key() {
  const fs::path file = config::management_file(settings_);
  const auto seen = state_of(file);
  if (seen == seen_) return;
  const bool was_there = seen_.has_value();
  seen_ = seen;
  try {
    const auto keys = config::read_management_keys(file);
    if (keys) {
      plane_->set_management_key(hub::Policy{keys->name, hub::Right::none, keys->primary_key, keys->secondary_key});
      log::info({.event = "management_key"}, "management: the client '{}' may manage this hub", keys->name);
    } else {
      plane_->set_management_key(std::nullopt);
      if (was_there)
        log::info({.event = "management_key"}, "management: the client '{}' has no key any more",
                  config::management_client);
    }
  } catch (const config::SettingsError& wrong) {
    plane_->set_management_key(std::nullopt);
    log::error({.event = "management_key"}, "management: {}; nobody is the client '{}' until that is mended",
               wrong.what(), config::management_client);
  }
}

}  // namespace twinhub
