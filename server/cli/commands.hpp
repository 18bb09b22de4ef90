// The sub-commands, each in a file of its name. All print their result on standard output and messages for people on
// standard error, and return an exit code.
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
/// `twinhub connection-string --events`: one line, for Event Hubs clients.
[[nodiscard]] int print_events_connection_string(const config::Settings& settings, const std::string& policy);
/// `twinhub token`: one line, a token that is valid for `seconds`.
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
/// `add`: uploads, or replaces; `verified`: the operator vouches for the CA, no proof of possession is asked.
[[nodiscard]] int add_certificate(const config::Settings& settings, const std::string& name, const std::string& file,
                                  bool verified);
[[nodiscard]] int list_certificates(const config::Settings& settings);
/// `show`: the whole description, as JSON.
[[nodiscard]] int show_certificate(const config::Settings& settings, const std::string& name);
/// `verification-code`: makes a new code and prints nothing else.
[[nodiscard]] int print_verification_code(const config::Settings& settings, const std::string& name);
/// `verify`: `file` is the certificate with the code, signed by the CA.
[[nodiscard]] int verify_certificate(const config::Settings& settings, const std::string& name,
                                     const std::string& file);
[[nodiscard]] int delete_certificate(const config::Settings& settings, const std::string& name);

/// The arguments of `twinhub method invoke`.
struct MethodCall {
  IdentityId id;
  std::string name;
  std::string payload = "null";  ///< JSON text
  std::uint32_t timeout_seconds = 30;
};
/// `twinhub method invoke`: calls a direct method over REST, prints {"status":..,"payload":..}.
[[nodiscard]] int invoke_method(const config::Settings& settings, const MethodCall& method);

/// The arguments of `twinhub c2d send`; "" = absent.
struct OutgoingMessage {
  std::string device;
  std::string body;
  std::vector<std::string> properties;  ///< NAME=VALUE
  std::string acknowledgement;
  std::string expiry;  ///< an ISO 8601 time, or seconds from now
  std::string message_id;
  std::string correlation_id;
  std::string user_id;
  std::string content_type;
  std::string encoding;
};
/// `twinhub c2d send`: queues a cloud-to-device message.
[[nodiscard]] int send_message(const config::Settings& settings, const OutgoingMessage& message);
/// `twinhub c2d purge`: empties the device's queue, prints how many messages it held.
[[nodiscard]] int purge_messages(const config::Settings& settings, const std::string& device);

/// `twinhub feedback tail`: takes feedback from the hub and prints it, one line of JSON for each record; ends once `count`
/// were printed, 0 = never.
[[nodiscard]] int tail_feedback(const config::Settings& settings, std::uint64_t count);

/// The address to connect to for a hub that listens on `listen`: loopback for "all addresses".
[[nodiscard]] std::string reachable(const std::string& listen);

}  // namespace twinhub::cli
