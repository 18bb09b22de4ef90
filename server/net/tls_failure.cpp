#include "server/net/tls_failure.hpp"

#include <openssl/err.h>

namespace twinhub::net {
namespace {

using notices::Kind;
using notices::Stage;

bool has_left(unsigned long code) {
  return code == 0 || ERR_SYSTEM_ERROR(code) != 0 || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

/// The server's certificate is on its way to the peer: a server answers a ClientHello in one go.
bool has_shown_certificate(const SSL* ssl) {
  if (ssl == nullptr) return false;
  switch (SSL_get_state(ssl)) {
    case TLS_ST_BEFORE:
    case TLS_ST_SR_CLNT_HELLO:
      return false;
    default:
      return true;
  }
}

TlsFailure alerted(int alert) {
  TlsFailure failure;
  failure.code = "alert " + std::to_string(alert);
  failure.detail = "The client said: " + std::string(SSL_alert_desc_string_long(alert)) + '.';
  switch (alert) {
    case SSL3_AD_BAD_CERTIFICATE:
    case SSL3_AD_UNSUPPORTED_CERTIFICATE:
    case SSL3_AD_CERTIFICATE_REVOKED:
    case SSL3_AD_CERTIFICATE_EXPIRED:
    case SSL3_AD_CERTIFICATE_UNKNOWN:
    case TLS1_AD_ACCESS_DENIED:
    case TLS1_AD_INTERNAL_ERROR:  // what OpenSSL's clients make of a host name that is not in the certificate
    case TLS1_AD_USER_CANCELLED:
      failure.reason = Reason::certificate_rejected;
      break;
    case TLS1_AD_UNKNOWN_CA:
      failure.reason = Reason::ca_not_trusted;
      break;
    case SSL3_AD_HANDSHAKE_FAILURE:
    case TLS1_AD_PROTOCOL_VERSION:
    case TLS1_AD_INSUFFICIENT_SECURITY:
      failure.reason = Reason::tls_version;
      break;
    default:
      break;
  }
  return failure;
}

Reason reason_of_fault(int reason) {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_TOO_SMALL:
      return Reason::not_tls;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return Reason::tls_version;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
    case SSL_R_NO_CLIENT_CERT_METHOD:
      return Reason::client_certificate;
    default:
      return Reason::tls_failed;
  }
}

}  // namespace

TlsFailure tls_failure_of(const SSL* ssl, unsigned long code) {
  if (has_left(code)) {
    if (has_shown_certificate(ssl)) {
      return {.reason = Reason::certificate_rejected, .code = {}, .detail = "It left in the middle of the handshake."};
    }
    return {.stage = Stage::tcp,
            .kind = Kind::ended,
            .reason = Reason::peer_closed,
            .code = {},
            .detail = "Before TLS had begun: a health check or a scanner does so."};
  }
  const int reason = ERR_GET_REASON(code);
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255)
    return alerted(reason - SSL_AD_REASON_OFFSET);
  TlsFailure failure;
  const char* const words = ERR_reason_error_string(code);
  if (words != nullptr) failure.detail = "OpenSSL: " + std::string(words) + '.';
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) failure.reason = reason_of_fault(reason);
  return failure;
}

std::string_view server_name_of(const SSL* ssl) {
  const char* const name = ssl == nullptr ? nullptr : SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string_view() : std::string_view(name);
}

}  // namespace twinhub::net
