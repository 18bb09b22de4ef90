// When the certificate ends that a TLS context shows to clients.
#pragma once

#include "server/net/expiry_warnings.hpp"

#include <openssl/ssl.h>

namespace twinhub::net {

/// The server's certificate and its end; with `whole_chain` the first end of it and of what is sent with it.
[[nodiscard]] CertificateEnd served_end(SSL_CTX& context, bool whole_chain);

}  // namespace twinhub::net
