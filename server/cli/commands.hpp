// The sub-commands, each in a file of its name. All print what they were asked for on standard output, words for people
// on standard error, and return an exit code.
#pragma once

#include "config/load.hpp"
#include "protocol/ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace twinhub::cli {

/// `twinhub config`
[[nodiscard]] int print_config(const config::Loaded& loaded);
/// `twinhub connection-string`: exactly one line. A device's when `id` names one, else the policy's.
[[nodiscard]] int print_connection_string(const config::Settings& settings, const std::string& policy,
                                          const IdentityId& id);
/// `twinhub token`: one line, good for `seconds`.
[[nodiscard]] int print_token(const config::Settings& settings, const std::string& policy, const IdentityId& id,
                              std::uint64_t seconds);
/// `twinhub health`: asks the operations port whether the hub is ready.
[[nodiscard]] int check_health(const config::Settings& settings);
struct TailOptions {
  std::string device;  ///< "" = all
  std::string source;  ///< names as routes have them, with commas; "" = all
  std::string from = "now";
  std::uint64_t count = 0;  ///< ends after so many events; 0 = never
};
/// `twinhub events tail`: one line of JSON per event, as they come.
[[nodiscard]] int tail_events(const config::Settings& settings, const TailOptions& options);
struct NewDevice {
  std::string id;
  std::string authentication = "sas";    ///< sas, selfsigned or ca
  std::vector<std::string> thumbprints;  ///< of selfsigned: primary, secondary
};
/// `twinhub device create`: makes the identity over REST, prints its connection string.
[[nodiscard]] int create_device(const config::Settings& settings, const NewDevice& device);

// `twinhub certificate`: CAs, over REST. A certificate is printed as one line.
/// `add`: uploads, or replaces; `verified` is the operator's word for it.
[[nodiscard]] int add_certificate(const config::Settings& settings, const std::string& name, const std::string& file,
                                  bool verified);
[[nodiscard]] int list_certificates(const config::Settings& settings);
/// `show`: the whole description, as JSON.
[[nodiscard]] int show_certificate(const config::Settings& settings, const std::string& name);
/// `verification-code`: makes a new one; prints it alone.
[[nodiscard]] int print_verification_code(const config::Settings& settings, const std::string& name);
/// `verify`: `file` is the certificate with the code, signed by the CA.
[[nodiscard]] int verify_certificate(const config::Settings& settings, const std::string& name,
                                     const std::string& file);
[[nodiscard]] int delete_certificate(const config::Settings& settings, const std::string& name);

/// What `twinhub method invoke` is told.
struct MethodCall {
  IdentityId id;
  std::string name;
  std::string payload = "null";  ///< JSON text
  std::uint32_t timeout_seconds = 30;
};
/// `twinhub method invoke`: calls a direct method over REST, prints {"status":..,"payload":..}.
[[nodiscard]] int invoke_method(const config::Settings& settings, const MethodCall& method);

/// `twinhub c2d send`: queues `text` as a cloud-to-device message.
[[nodiscard]] int send_message(const config::Settings& settings, const std::string& device, const std::string& text);
/// `twinhub c2d purge`: empties the device's queue, prints how many messages it held.
[[nodiscard]] int purge_messages(const config::Settings& settings, const std::string& device);

/// An address to connect to for one to listen on.
[[nodiscard]] std::string reachable(const std::string& listen);

}  // namespace twinhub::cli
