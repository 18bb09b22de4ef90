// What it costs to check a signature made with a key: the peer chooses its key, the hub pays for the check. An RSA key
// with a long public exponent makes one that takes ten times as long.
#pragma once

#include "protocol/x509/certificate.hpp"

namespace twinhub::x509 {

inline constexpr int rsa_bits_max = 4096;
/// A public exponent of 2^32 and more is refused; 65537 is what keys have. BIND bounds it alike (RSA_MAX_PUBEXP_BITS).
inline constexpr int rsa_exponent_bits_max = 32;
inline constexpr int curve_bits_max = 521;

/// True for RSA (also of the PSS kind) up to these bounds, for keys on a named curve up to 521 bits, Ed25519 and Ed448;
/// false for all other keys, and for one that cannot be read. Cheap: no number is multiplied. To be asked before a
/// signature is checked with the key. REQUIRES: not null. Any thread.
[[nodiscard]] bool has_cheap_key(x509_st* certificate);
/// Of every certificate that the peer sent: each may be used to check the one before it.
[[nodiscard]] bool has_cheap_keys(const Chain& chain);

}  // namespace twinhub::x509
