// Why a server's TLS handshake came to nothing, as far as this side can tell: the peer's alert, what OpenSSL found wrong,
// or how far the handshake had come when the peer left. Source: RFC 8446, 6.2 (alerts).
#pragma once

#include "server/notices/notice.hpp"

#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace twinhub::net {

struct TlsFailure {
  notices::Stage stage = notices::Stage::tls;
  notices::Kind kind = notices::Kind::refused;
  Reason reason = Reason::tls_failed;
  std::string code;  ///< "alert 48": sent by the peer
  std::string detail;

  [[nodiscard]] notices::Happening happening() const {
    return {.stage = stage, .reason = reason, .kind = kind, .code = code, .detail = detail};
  }
};

/// `code`: OpenSSL's error; 0 when the peer has just gone. `ssl` null: TLS had not begun.
[[nodiscard]] TlsFailure tls_failure_of(const SSL* ssl, unsigned long code);

/// The host name that the client asked for; "" without one. It is foreign.
[[nodiscard]] std::string_view server_name_of(const SSL* ssl);

}  // namespace twinhub::net
