// TLS as a client: whom to trust, and that the server is the one that was meant.
#pragma once

#include "protocol/error.hpp"

#include <memory>
#include <string>

#include <openssl/ssl.h>

namespace twinhub::net {

struct HttpTarget;  // http_client.hpp

/// Of a target with TLS; null without. Errors, for the operator: a file that cannot be read.
[[nodiscard]] Result<std::shared_ptr<SSL_CTX>> make_client_context(const HttpTarget& target);

/// The certificate has to be of `host`, a name or an address. Before the handshake.
void expect_host(SSL* ssl, const std::string& host);

}  // namespace twinhub::net
