// `twinhub config --check`: what `serve` would refuse, found without a port, a lock or a file of the data folder being
// touched.
#include "config/policies.hpp"
#include "server/app.hpp"
#include "server/app_certificates.hpp"
#include "server/app_events.hpp"
#include "server/app_from_snapshot.hpp"
#include "server/app_parts.hpp"
#include "server/app_seed.hpp"
#include "server/data_folder.hpp"

#include <boost/asio/ip/address.hpp>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace twinhub {
namespace {

class Findings {
 public:
  void add(const std::string& words) { all_.push_back(words); }
  template <class T>
  void add_error(const Result<T>& result) {
    if (!result) add(result.error().detail);
  }
  [[nodiscard]] const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
};

void check_addresses(const config::Settings& settings, Findings& findings) {
  for (const auto& [key, address] : {std::pair<const char*, const std::string&>("listen", settings.listen),
                                     {"plain_listen", settings.plain_listen},
                                     {"ops_listen", settings.ops_listen}}) {
    boost::system::error_code error;
    (void)boost::asio::ip::make_address(address, error);
    if (error) findings.add(std::string(key) + ": '" + address + "' is no address of this machine");
  }
}

/// Ports of one address must differ, or the second door finds the first one in its place.
void check_ports(const config::Settings& settings, Findings& findings) {
  struct Door {
    const char* key;
    const std::string& address;
    std::uint16_t port;  // 0: none, or any
  };
  const Door doors[] = {{"mqtts_port", settings.listen, settings.mqtts_port},
                        {"amqps_port", settings.listen, settings.amqps_port},
                        {"https_port", settings.listen, settings.https_port},
                        {"mqtt_port", settings.plain_listen, settings.mqtt_port},
                        {"amqp_port", settings.plain_listen, settings.amqp_port},
                        {"http_port", settings.plain_listen, settings.http_port},
                        {"ops_port", settings.ops_listen, settings.ops_port}};
  const auto covers_all = [](const std::string& address) { return address == "0.0.0.0" || address == "::"; };
  for (const Door& door : doors) {
    for (const Door* other = doors; other != &door; ++other) {
      const bool share = door.address == other->address || covers_all(door.address) || covers_all(other->address);
      if (door.port != 0 && door.port == other->port && share)
        findings.add(std::string(door.key) + " and " + other->key + " are both " + std::to_string(door.port));
    }
  }
}

void check_keys(const config::Settings& settings, Findings& findings) {
  try {
    (void)config::policies_of(settings);
    (void)config::read_management_keys(config::management_file(settings));
  } catch (const config::SettingsError& error) {
    findings.add(error.what());
  }
}

}  // namespace

int check(const config::Loaded& loaded) {
  const config::Settings& settings = loaded.settings;
  Findings findings;
  check_addresses(settings, findings);
  check_ports(settings, findings);
  findings.add_error(check_data_folder(settings));
  check_keys(settings, findings);
  findings.add_error(check_seed(settings));
  findings.add_error(check_from_snapshot(settings));
  // The hub's own certificate is made by `serve`; one that is configured has to be there.
  if (!settings.tls_certificate.empty())
    findings.add_error(net::TlsContext::load(configured_files(settings), client_chain_limits(settings)));
  findings.add_error(load_device_cas(settings));
  findings.add_error(check_endpoints(settings, loaded.routing));
  for (const std::string& words : findings.all()) std::cerr << "twinhub: " << words << "\n";
  if (!findings.all().empty()) return 1;
  std::cout << "the settings are good\n";
  return 0;
}

}  // namespace twinhub
