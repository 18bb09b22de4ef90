#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"

#include <iostream>

namespace twinhub::cli {

int print_connection_string(const config::Settings& settings, const std::string& policy, const IdentityId& id) {
  const auto credentials =
      id.device.empty() ? policy_credentials(settings, policy) : identity_credentials(settings, id);
  if (!credentials) return report(credentials.error());
  std::cout << iothub::to_string(*credentials) << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
