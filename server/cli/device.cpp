#include "protocol/iothub/property_bag.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/identity_keys.hpp"
#include "server/cli/request_bodies.hpp"

#include <iostream>

namespace twinhub::cli {

int create_device(const config::Settings& settings, const NewDevice& device) {
  if (device.thumbprints.empty() == (device.authentication == "selfsigned")) {
    std::cerr << "twinhub: --thumbprint belongs to --auth selfsigned, once or twice\n";
    return exit_usage;
  }
  const auto body = call_hub(settings, "PUT", "/devices/" + iothub::percent_encode(device.id), new_device_body(device));
  if (!body) return report(body.error());
  iothub::ConnectionString credentials{
      device_host_of(settings), "", {device.id, ""}, "", device.authentication != "sas"};
  if (!credentials.x509) {
    credentials.shared_access_key = primary_key_in(*body);
    if (credentials.shared_access_key.empty()) return report(fail(Errc::server_error, "the hub's answer holds no key"));
  }
  std::cout << iothub::to_string(credentials) << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
