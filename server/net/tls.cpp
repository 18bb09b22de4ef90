#include "server/net/tls.hpp"

#include "protocol/x509/key_cost.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <cstdint>

namespace twinhub::net {
namespace {

/// TLS takes every client certificate, self-signed ones of devices too; the handshake proves that the peer holds its
/// key. Whether it is the device's is decided where the device says who it is. What only costs is refused here, before
/// the peer's signature is verified.
int take_any_that_is_cheap(X509_STORE_CTX* context, void* certificates_max) {
  X509* const leaf = X509_STORE_CTX_get0_cert(context);
  const bool refused =
      leaf == nullptr || !x509::has_cheap_key(leaf) ||
      sk_X509_num(X509_STORE_CTX_get0_untrusted(context)) - 1 > reinterpret_cast<std::intptr_t>(certificates_max);
  X509_STORE_CTX_set_error(context, refused ? X509_V_ERR_CERT_REJECTED : X509_V_OK);
  return refused ? 0 : 1;
}

std::string last_openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

Error cannot(const std::string& what) {
  return fail(Errc::service_unavailable, "TLS: " + what + ": " + last_openssl_error());
}

Result<std::shared_ptr<SSL_CTX>> make_context(const TlsFiles& files, const ClientChainLimits& client_chain) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return cannot("no context");
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  // The suites IoT Hub names for TLS 1.2; those of 1.3 are OpenSSL's own. Key exchange groups stay at their default:
  // clients that offer an X25519 share first would pay a HelloRetryRequest otherwise.
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES+SHA256:ECDHE+AES+SHA384:!aNULL:!eNULL");
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  // An idle connection keeps no record buffers and no session to resume: memory counts for more than a resumed
  // handshake, and every handshake proves anew who holds the client certificate's key.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);             // TLS 1.3
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);  // TLS 1.2
  // The context may outlive whoever makes it: the callback gets the number itself.
  SSL_CTX_set_cert_verify_callback(raw, take_any_that_is_cheap,
                                   reinterpret_cast<void*>(std::intptr_t{client_chain.certificates_max}));
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);  // asked for, not required
  SSL_CTX_set_max_cert_list(raw, static_cast<long>(client_chain.bytes_max));
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1) {
    return cannot("the certificate " + files.certificate.string() + " cannot be used");
  }
  if (SSL_CTX_use_PrivateKey_file(raw, files.private_key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return cannot("the private key " + files.private_key.string() + " cannot be used");
  }
  if (SSL_CTX_check_private_key(raw) != 1) {
    return cannot("the private key " + files.private_key.string() + " does not fit the certificate");
  }
  return context;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::load(const TlsFiles& files, const ClientChainLimits& client_chain) {
  std::shared_ptr<TlsContext> tls(new TlsContext(files, client_chain));
  if (const auto loaded = tls->reload(); !loaded) return loaded.error();
  return tls;
}

Result<void> TlsContext::reload() {
  auto context = make_context(files_, client_chain_);
  if (!context) return context.error();
  const MutexLock lock(mutex_);
  context_ = std::move(*context);
  return {};
}

std::shared_ptr<SSL_CTX> TlsContext::current() const {
  const MutexLock lock(mutex_);
  return context_;
}

}  // namespace twinhub::net
