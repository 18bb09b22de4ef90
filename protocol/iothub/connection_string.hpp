// IoT Hub connection strings: "HostName=..;SharedAccessKeyName=..;SharedAccessKey=.." and the device form.
#pragma once

#include "protocol/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::iothub {

struct ConnectionString {
  std::string host_name;
  std::string policy;             ///< SharedAccessKeyName; "" in a device's string
  IdentityId id;                  ///< DeviceId and ModuleId; empty in a policy's string
  std::string shared_access_key;  ///< base64; "" when x509
  bool x509 = false;              ///< a device that authenticates by certificate: "x509=true" in place of a key
};

[[nodiscard]] std::string to_string(const ConnectionString& parts);
/// The form that Event Hubs clients read: "Endpoint=sb://host/;SharedAccessKeyName=..;SharedAccessKey=..;EntityPath=..".
/// `policy`: a policy's credentials.
[[nodiscard]] std::string event_hubs_connection_string(const ConnectionString& policy, std::uint16_t port,
                                                       const std::string& entity);
/// The "sb://host/" in it; with the port unless it is the one that every client knows.
[[nodiscard]] std::string event_hubs_endpoint(const std::string& host, std::uint16_t port);
/// nullopt when HostName is missing, or SharedAccessKey without x509=true, or a pair has no '='. Values may hold '='.
[[nodiscard]] std::optional<ConnectionString> parse_connection_string(std::string_view text);

}  // namespace twinhub::iothub
