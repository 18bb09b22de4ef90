#include "server/cli/credentials.hpp"

#include "config/policies.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/remote_hub.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <filesystem>
#include <iostream>

namespace twinhub::cli {

std::string host_name_of(const config::Settings& settings) {
  if (is_remote(settings)) {
    const auto hub = remote_hub(settings);
    return hub ? hub->credentials.host_name : "";
  }
  return settings.host_names.empty() ? "localhost" : settings.host_names.front();
}

std::string with_port(const std::string& host_name, std::uint16_t port, std::uint16_t usual) {
  if (port == usual || port == 0) return host_name;
  const bool is_v6 = host_name.find(':') != std::string::npos;
  return (is_v6 ? "[" + host_name + "]" : host_name) + ":" + std::to_string(port);
}

std::string device_host_of(const config::Settings& settings) {
  constexpr std::uint16_t mqtts_usual = 8883;
  return with_port(host_name_of(settings), settings.mqtts_port, mqtts_usual);
}

std::string service_host_of(const config::Settings& settings) {
  constexpr std::uint16_t https_usual = 443;
  std::uint16_t port = settings.https_port;
  if (is_remote(settings)) {
    const auto hub = remote_hub(settings);
    if (hub) port = hub->port;
  }
  return with_port(host_name_of(settings), port, https_usual);
}

Result<iothub::ConnectionString> policy_credentials(const config::Settings& settings, const std::string& policy) {
  if (is_remote(settings)) {
    auto hub = remote_hub(settings);
    if (!hub) return hub.error();
    if (hub->credentials.policy == policy) return std::move(hub->credentials);
    return fail(Errc::argument_invalid, "the connection string of this hub is of the policy '" +
                                            hub->credentials.policy + "'; the keys of '" + policy +
                                            "' are known on the hub's machine");
  }
  const auto file = config::policies_file(settings);
  std::vector<config::PolicyKeys> policies;
  try {
    policies = config::policies_of(settings);
  } catch (const config::SettingsError& error) {
    return fail(Errc::argument_invalid, error.what());
  }
  if (policies.empty()) {
    return fail(Errc::argument_invalid,
                "there is no " + file.string() + ": start the hub on this data folder first, or say --dev");
  }
  for (const auto& known : policies) {
    if (known.name == policy) return iothub::ConnectionString{host_name_of(settings), policy, {}, known.primary_key};
  }
  std::string names;
  for (const auto& known : policies) names += (names.empty() ? "" : ", ") + known.name;
  return fail(Errc::argument_invalid, "there is no policy '" + policy + "'; known: " + names);
}

Result<iothub::ConnectionString> identity_credentials(const config::Settings& settings, const IdentityId& id) {
  const auto directory = std::filesystem::path(settings.data_dir) / "db";
  if (!std::filesystem::exists(directory)) {
    return fail(Errc::argument_invalid,
                "there is no store in " + settings.data_dir + ": start the hub on this data folder first");
  }
  auto store =
      storage::open_rocksdb_store({.directory = directory, .read_only = true, .now = [] { return Timestamp{}; }});
  if (!store) return store.error();
  const auto read = (*store)->read(id);
  if (!read) return read.error();
  const auto& identity = read->entity.identity;
  const std::string name = id.is_module() ? id.device + "/" + id.module : id.device;
  if (!identity) return fail(Errc::device_not_found, "'" + name + "' is not registered in " + settings.data_dir);
  if (identity->authentication != iothub::AuthenticationType::sas) {
    return iothub::ConnectionString{host_name_of(settings), "", id, "", true};
  }
  if (identity->primary_key.empty()) return fail(Errc::argument_invalid, "'" + name + "' has no symmetric keys");
  return iothub::ConnectionString{host_name_of(settings), "", id, identity->primary_key};
}

int report(const Error& error) {
  std::cerr << "twinhub: " << error.detail << "\n";
  switch (error.code) {
    case Errc::service_unavailable:
      return exit_unreachable;
    case Errc::device_not_found:
      return exit_not_found;
    case Errc::device_already_exists:
    case Errc::precondition_failed:
      return exit_conflict;
    case Errc::iot_hub_unauthorized_access:
      return exit_denied;
    default:
      return exit_failed;
  }
}

}  // namespace twinhub::cli
