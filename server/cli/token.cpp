#include "protocol/iothub/sas_token.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/identity_keys.hpp"

#include <chrono>
#include <iostream>

namespace twinhub::cli {

int print_token(const config::Settings& settings, const std::string& policy, const IdentityId& id,
                std::uint64_t seconds) {
  const auto credentials = id.device.empty() ? policy_credentials(settings, policy) : credentials_of(settings, id);
  if (!credentials) return report(credentials.error());
  if (credentials->x509) {
    return report(fail(Errc::argument_invalid, "'" + id.device + "' authenticates by certificate: it has no keys"));
  }
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  std::cout << iothub::make_sas_token(resource_of(*credentials), credentials->shared_access_key,
                                      static_cast<std::uint64_t>(now.count()) + seconds, credentials->policy)
            << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
