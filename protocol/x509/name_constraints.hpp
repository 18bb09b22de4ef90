// Whether the CAs of a path may vouch for a device id. The id is the leaf's common name; OpenSSL looks at a common name
// only when it has the look of a host name and the leaf names no other, so the hub looks itself.
// Source: RFC 5280 section 4.2.1.10; azure-docs iot-hub-x509ca-overview (the common name is the device id).
#pragma once

#include "protocol/x509/certificate.hpp"

#include <string_view>

namespace twinhub::x509 {

/// The CA's constraints on DNS names, read as constraints on the device id: a name is within "example.com" when it is
/// that or ends with ".example.com", in either case. Constraints on directory names bind the whole subject; OpenSSL
/// checks them with the path. Constraints that cannot be read allow nothing.
[[nodiscard]] bool allows_device_id(const Certificate& ca, std::string_view device_id);

}  // namespace twinhub::x509
