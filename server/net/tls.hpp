// The hub's TLS: settings that both doors share, reloaded without a restart.
#pragma once

#include "protocol/error.hpp"
#include "storage/guarded.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include <openssl/ssl.h>

namespace twinhub::net {

struct TlsFiles {
  std::filesystem::path certificate;  ///< PEM chain, leaf first
  std::filesystem::path private_key;  ///< PEM
};

/// Of what a client shows of itself: all of it is kept until it is known who the client is.
struct ClientChainLimits {
  std::size_t bytes_max = 16 * 1024;
  int certificates_max = 16;  ///< beside the leaf
};

/// Holds the current SSL_CTX. TLS 1.2 and 1.3, ECDHE suites; no session is resumed. Clients are asked for a certificate
/// and need not have one; any is taken, self-signed ones of devices too: whether it is the device's is decided at
/// CONNECT. But one of RSA above 4096 bits or with an exponent above 2^32, and a chain past its
/// limits, ends the handshake. Any thread.
class TlsContext {
 public:
  /// Errors, for the operator: a file that cannot be read, a key that does not fit the certificate.
  [[nodiscard]] static Result<std::shared_ptr<TlsContext>> load(const TlsFiles& files,
                                                                const ClientChainLimits& client_chain = {});

  /// Reads the files again; on an Error the old ones stay in use. New connections get the new certificate.
  [[nodiscard]] Result<void> reload();
  /// The context for new connections; hold it while a connection lives.
  [[nodiscard]] std::shared_ptr<SSL_CTX> current() const;

 private:
  TlsContext(TlsFiles files, const ClientChainLimits& client_chain)
      : files_(std::move(files)), client_chain_(client_chain) {}
  TlsFiles files_;
  ClientChainLimits client_chain_;
  mutable Mutex mutex_;
  std::shared_ptr<SSL_CTX> context_ GUARDED_BY(mutex_);
};

}  // namespace twinhub::net
