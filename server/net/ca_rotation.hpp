// A new CA in the place of the hub's own, with an overlap in which clients may trust either.
//
//   before            ca.pem: old            ca.key: old     server.pem: server <- old
//   the overlap       ca.pem: old, new       ca.key: old     server.pem: server <- old, and the old CA's key <- new
//                     ca-next.pem, ca-next.key: new          ca-cross.pem: the old CA's key <- new
//   afterwards        ca.pem: new            ca.key: new     server.pem: server <- new
//
// During the overlap the server's certificate stays the old CA's, so that clients which trust only that see no change. Beside it goes the
// old CA's subject and key in a certificate that the new CA has signed: clients which trust only the new one find their way over
// it. The other way round, with the server's certificate from the new CA and the new CA's key signed by the old one, old CAs of hubs before
// this would not do: they allow no CA below them (pathlen:0), and not every client exempts one of the same name.
#pragma once

#include "server/net/certificates.hpp"
#include "server/net/pki.hpp"

#include <ctime>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace twinhub::net {

// For certificates.cpp

struct Authority {
  pki::Certificate certificate;
  pki::Key key;
  bool made = false;
};
/// ca.key, and the certificate in ca.pem that fits it; either may be null.
[[nodiscard]] Authority read_authority(const std::filesystem::path& directory);
[[nodiscard]] inline bool is_whole(const Authority& ca) { return pki::fits(ca.certificate, ca.key); }

/// A rotation under way: ca-cross.pem, written last, says that there is one, and when the overlap ends.
struct Rotation {
  Authority next;
  pki::Certificate cross;
  std::time_t until = 0;
};
/// Errors: its files cannot be read, or do not fit.
[[nodiscard]] Result<std::optional<Rotation>> read_rotation(const std::filesystem::path& directory);

/// Writes server.key and server.pem, with the chain that the moment asks for.
[[nodiscard]] Result<void> issue_server(const std::filesystem::path& directory, const Authority& ca,
                                        const std::optional<Rotation>& rotation, const std::set<std::string>& names,
                                        KeyType key_type);

/// Takes a rotation that was cut short to where it was going, and ends an overlap whose time is over: true when it ended
/// one. Afterwards read_authority() is the CA to issue by.
[[nodiscard]] Result<bool> advance_rotation(const std::filesystem::path& directory, const std::set<std::string>& names,
                                            KeyType key_type, std::time_t now);

}  // namespace twinhub::net
