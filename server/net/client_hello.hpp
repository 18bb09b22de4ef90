// Waits in the kernel for the ClientHello of a TLS connection: a peer that sends half of one costs this process nothing.
//
//   record:  type (22 = handshake) | legacy_version (2 bytes) | length (2 bytes) | fragment
//
// Source: RFC 8446, 5.1; socket(7), SO_RCVLOWAT.
#pragma once

#include <cstddef>
#include <string_view>

namespace twinhub::net {

/// What the log says of one that is too large.
inline constexpr std::string_view client_hello_too_large = "ClientHello larger than admission.client_hello_kib_max";

enum class ClientHello : unsigned char {
  incomplete,  ///< wait until the descriptor is readable: it is when enough has come, or when the peer is gone
  ready,       ///< let TLS read it; also when the peer is gone or speaks something else, which TLS finds out
  refused      ///< too large
};

/// Looks at what has come to `descriptor`, without taking it, and sets how many bytes make it readable. `bytes_max`: of
/// a whole first record.
[[nodiscard]] ClientHello look_for_client_hello(int descriptor, std::size_t bytes_max);
/// Has `descriptor`, whose ClientHello is there, wait: it is readable again after readable_with(descriptor, 1), or when
/// more comes. False: it stays readable, so it cannot wait: the peer has ended, or the kernel holds no more of its bytes.
[[nodiscard]] bool let_client_hello_wait(int descriptor);

}  // namespace twinhub::net
