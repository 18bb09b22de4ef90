#include "server/cli/credentials.hpp"

#include "config/policies.hpp"
#include "server/cli/command_line.hpp"
#include "storage/store.hpp"

#include <filesystem>
#include <iostream>

namespace twinhub::cli {

std::string host_name_of(const config::Settings& settings) {
  return settings.host_names.empty() ? "localhost" : settings.host_names.front();
}

Result<iothub::ConnectionString> policy_credentials(const config::Settings& settings, const std::string& policy) {
  const auto file = std::filesystem::path(settings.data_dir) / "policies.toml";
  std::vector<config::PolicyKeys> policies;
  try {
    policies = settings.dev ? config::dev_policies() : config::read_policies(file);
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
  return fail(Errc::argument_invalid, "there is no policy '" + policy +
                                          "'; known: iothubowner, service, device, registryRead, registryReadWrite");
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
