// The hub's TLS: settings that both doors share, reloaded without a restart.
#pragma once

#include "protocol/error.hpp"

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include <openssl/ssl.h>

namespace twinhub::net {

struct TlsFiles {
  std::filesystem::path certificate;  ///< PEM chain, leaf first
  std::filesystem::path private_key;  ///< PEM
};

/// Has the server's end of a connection request, not require, a client certificate, and takes every one, self-signed
/// ones of devices too: whether it is the device's is decided at CONNECT. REQUIRES: before the handshake.
void request_client_certificate(SSL* ssl);

/// Holds the current SSL_CTX. TLS 1.2 and 1.3, ECDHE suites; no session is resumed. Any thread.
class TlsContext {
 public:
  /// Errors, for the operator: a file that cannot be read, a key that does not fit the certificate.
  [[nodiscard]] static Result<std::shared_ptr<TlsContext>> load(const TlsFiles& files);

  /// Reads the files again; on an Error the old ones stay in use. New connections get the new certificate.
  [[nodiscard]] Result<void> reload();
  /// The context for new connections; hold it while a connection lives.
  [[nodiscard]] std::shared_ptr<SSL_CTX> current() const;

 private:
  explicit TlsContext(TlsFiles files) : files_(std::move(files)) {}
  TlsFiles files_;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace twinhub::net
