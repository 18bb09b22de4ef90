// The addresses that clients reach this machine by, for the names of the hub's own certificate.
#pragma once

#include <string>
#include <vector>

namespace twinhub::net {

/// `listen` itself; when it is 0.0.0.0 or ::, the addresses of that family (with :: of both) of every interface that is up. Without loopback
/// and link-local addresses, and without IPv6's temporary ones, which change from day to day. In the usual spelling.
[[nodiscard]] std::vector<std::string> own_addresses(const std::string& listen);

}  // namespace twinhub::net
