// What a client showed of itself in its TLS handshake.
#pragma once

#include "protocol/x509/certificate.hpp"

#include <openssl/ssl.h>

namespace twinhub::net {

/// The peer's certificate and what it sent along, as far as a path to a CA can need it; empty for a peer without one,
/// and for null (no TLS). REQUIRES: the handshake is over; it has proved that the peer holds the leaf's key, and
/// nothing else: any certificate is taken. The thread that owns `ssl`.
[[nodiscard]] x509::Chain peer_chain(const SSL* ssl);

/// Frees what the peer sent along, which costs ten times its size on the wire for as long as the connection lives: once
/// it is known who the peer is. peer_chain() gives the leaf alone from then on.
void forget_peer_chain(const SSL* ssl);

}  // namespace twinhub::net
