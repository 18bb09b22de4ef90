// The hub's own CA and server certificate: TLS from the first start, without anybody's help.
#pragma once

#include "protocol/error.hpp"
#include "server/net/tls.hpp"

#include <cstdint>
#include <filesystem>
#include <set>
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

/// Makes what is missing in `directory`, a folder of mode 0700 (ca.pem, ca.key, server.pem, server.key): private keys with mode 0600, each
/// file written whole or not at all. The server certificate carries server_names(); it is issued anew, by the kept CA, when these
/// change, the key type changes, 30 days before it ends, or when it is not valid yet: the clock was wrong when it was issued. A rotation
/// of the CA goes on. Not from an I/O thread. Errors, for the operator.
[[nodiscard]] Result<OwnCertificates> ensure_certificates(const std::filesystem::path& directory,
                                                          const std::vector<std::string>& host_names, KeyType key_type);

/// localhost, 127.0.0.1, ::1, this machine's name, twinhub.local and `host_names` (names or IP addresses).
[[nodiscard]] std::set<std::string> server_names(const std::vector<std::string>& host_names);

/// For a hub that runs, after ensure_certificates(): why the server certificate was issued anew, or "": it was not. For its
/// time, for a name that it lacks, or because the overlap of two CAs is over: with `is_settled` alone, for that destroys the old
/// one's key, and the clock may have been set. Cheap when it was not. Errors, for the operator.
[[nodiscard]] Result<std::string> renew_server_certificate(const std::filesystem::path& directory,
                                                           const std::vector<std::string>& host_names, KeyType key_type,
                                                           bool is_settled = true);

/// Makes a new CA beside the one in `directory`. For `overlap_days` ca.pem holds both, and the server's chain satisfies clients
/// that trust either of them; then renew_server_certificate() and ensure_certificates() leave the new one alone; with 0 that is at
/// once. See ca_rotation.hpp. Errors: precondition_failed when one is under way; others, for the operator.
[[nodiscard]] Result<void> rotate_ca(const std::filesystem::path& directory, const std::vector<std::string>& host_names,
                                     KeyType key_type, long overlap_days);
/// Ends the overlap now. Errors: precondition_failed when there is none; others, for the operator.
[[nodiscard]] Result<void> end_ca_overlap(const std::filesystem::path& directory,
                                          const std::vector<std::string>& host_names, KeyType key_type);

/// A CA as operators know it.
struct CaFacts {
  std::string subject;
  std::string sha256;        ///< of the certificate, in hexadecimal
  std::int64_t ends_at = 0;  ///< Unix seconds
  bool issues = false;       ///< the server's certificate is by this one
};
struct CaState {
  std::vector<CaFacts> cas;        ///< those of ca.pem, in its order
  std::int64_t overlap_until = 0;  ///< Unix seconds; 0 = no rotation is under way
};
[[nodiscard]] CaState ca_state(const std::filesystem::path& directory);

/// Writes `text` to `path` with `mode`, through a temporary file and a rename; durable with its folder when this returns.
/// Errors, for the operator.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, const std::string& text, unsigned mode);

}  // namespace twinhub::net
