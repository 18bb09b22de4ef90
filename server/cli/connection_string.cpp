#include "config/hub_name.hpp"
#include "config/policies.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/identity_keys.hpp"

#include <algorithm>
#include <iostream>

namespace twinhub::cli {
namespace {

/// REQUIRES: policy_credentials() has found the policy.
bool may_read_events(const config::Settings& settings, const std::string& policy) {
  const auto policies = config::policies_of(settings);
  const auto found =
      std::find_if(policies.begin(), policies.end(), [&](const auto& one) { return one.name == policy; });
  const auto rights = config::right_words_of(*found);
  return std::find(rights.begin(), rights.end(), "ServiceConnect") != rights.end();
}

}  // namespace

int print_connection_string(const config::Settings& settings, const std::string& policy, const IdentityId& id) {
  auto credentials = id.device.empty() ? policy_credentials(settings, policy) : credentials_of(settings, id);
  if (!credentials) return report(credentials.error());
  credentials->host_name = id.device.empty() ? service_host_of(settings) : device_host_of(settings);
  std::cout << iothub::to_string(*credentials) << "\n";
  return exit_ok;
}

int print_events_connection_string(const config::Settings& settings, const std::string& policy) {
  const auto credentials = policy_credentials(settings, policy);
  if (!credentials) return report(credentials.error());
  if (settings.amqps_port == 0)
    return report(fail(Errc::argument_invalid, "the hub has no port for AMQP: amqps_port is 0"));
  if (!may_read_events(settings, policy))
    return report(fail(Errc::argument_invalid, "policy '" + policy + "' has no ServiceConnect, which readers need"));
  std::cout << iothub::event_hubs_connection_string(*credentials, settings.amqps_port,
                                                    config::hub_name_in_use(settings))
            << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
