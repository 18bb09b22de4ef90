// What the log says of a hub's life: how it starts, with what, and where it listens.
#include "config/hub_name.hpp"
#include "config/url.hpp"
#include "server/app_parts.hpp"
#include "server/base/log.hpp"
#include "server/cli/command_line.hpp"

#include <unistd.h>
#include <filesystem>

namespace twinhub {
namespace {

/// "listen = "127.0.0.1" (--listen), ..." with passwords left out, as `twinhub config` prints them.
std::string changed_settings(const config::Loaded& loaded) {
  std::string all;
  for (const config::SettingInfo& info : config::all_settings()) {
    const auto origin = loaded.origins.find(info.key);
    if (origin == loaded.origins.end() || origin->second == "default") continue;
    if (!all.empty()) all += ", ";
    all.append(info.key).append(" = ").append(info.show(loaded.settings)).append(" (").append(origin->second) += ')';
  }
  for (const config::EndpointSettings& endpoint : loaded.routing.endpoints) {
    if (!all.empty()) all += ", ";
    all += "endpoint '" + endpoint.name + "' (" + endpoint.place + ')';
  }
  return all.empty() ? "none" : all;
}

}  // namespace

notices::ConnectionLines connection_lines(const config::Settings& settings) {
  if (settings.log_connections == "none") return notices::ConnectionLines::none;
  return settings.log_connections == "all" ? notices::ConnectionLines::all : notices::ConnectionLines::refused;
}

void log_start(const config::Loaded& loaded) {
  const std::filesystem::path folder = std::filesystem::absolute(loaded.settings.data_dir).lexically_normal();
  log::info({.event = "start"}, "twinhub {} ({}) starts as process {}, data in {}, durability {}", cli::version(),
            cli::commit(), ::getpid(), folder.string(), loaded.settings.durability);
  log::info({.event = "configuration"}, "settings that are not the defaults: {}", changed_settings(loaded));
}

void log_ready(const config::Settings& settings) {
  std::string doors;
  for (const auto& [scheme, address, port] :
       {std::tuple{"mqtts", &settings.listen, settings.mqtts_port},
        {"amqps", &settings.listen, settings.amqps_port},
        {"https", &settings.listen, settings.https_port},
        {"mqtt", &settings.plain_listen, settings.mqtt_port},
        {"amqp", &settings.plain_listen, settings.amqp_port},
        {"http", &settings.plain_listen, settings.http_port},
        {settings.ops_tls ? "operations: https" : "operations: http", &settings.ops_listen, settings.ops_port}}) {
    if (port != 0) doors.append(doors.empty() ? "" : ", ").append(url_of_door(scheme, *address, port));
  }
  log::info({.event = "ready"}, "twinhub {} is ready: {}", cli::version(), doors);
  if (!settings.dev) return;
  const std::string foreign = foreign_addresses(settings);
  log::warn({.event = "dev_mode"}, "DEV MODE: the keys are well-known, all those that nobody has renewed; {}",
            foreign.empty() ? "only this machine reaches the hub"
                            : "OTHER MACHINES REACH IT ON " + foreign + ": they own this hub");
}

}  // namespace twinhub
