// The hub's own CA and server certificate: TLS from the first start, without anybody's help.
#pragma once

#include "protocol/error.hpp"
#include "server/net/tls.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace twinhub::net {

enum class KeyType : std::uint8_t { ecdsa_p256, rsa_2048 };

struct OwnCertificates {
  std::filesystem::path ca;  ///< PEM, for clients to trust
  TlsFiles server;
  bool made_ca = false;  ///< this call made the CA: a first start
  bool issued = false;   ///< this call issued the server certificate
};

/// Makes what is missing in `directory` (ca.pem, ca.key, server.pem, server.key): private keys with mode 0600, each
/// file written whole or not at all. The server certificate carries localhost, 127.0.0.1, ::1, this machine's name,
/// twinhub.local and `host_names` (names or IP addresses); it is issued anew, by the kept CA, when these change, the
/// key type changes, or 30 days before it ends. Not from an I/O thread. Errors, for the operator.
[[nodiscard]] Result<OwnCertificates> ensure_certificates(const std::filesystem::path& directory,
                                                          const std::vector<std::string>& host_names, KeyType key_type);

/// Writes `text` to `path` with `mode`, through a temporary file and a rename. Errors, for the operator.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, const std::string& text, unsigned mode);

}  // namespace twinhub::net
