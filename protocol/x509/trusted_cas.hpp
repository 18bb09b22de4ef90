// The CAs that device certificates may rest on, as one immutable set.
// Source: azure-docs iot-hub-x509ca-overview; RFC 5280 section 6.
#pragma once

#include "protocol/x509/certificate.hpp"

#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct x509_store_st;  // OpenSSL's X509_STORE

namespace twinhub::x509 {

/// The CA that a device's chain of certificates rests on.
struct Vouched {
  std::string cas;      ///< SHA-256 of each trusted CA in the path, 32 raw bytes each
  Timestamp not_after;  ///< when the first certificate of the path ends
};

/// Any thread.
class TrustedCas {
 public:
  explicit TrustedCas(std::span<const Certificate> cas);

  /// Builds a path from the leaf through what the peer sent along to a trusted CA, which may itself be an intermediate
  /// one, and checks it at `now`: signatures, dates, basic constraints, key usage, name constraints, which bind the leaf's
  /// common name as a DNS name too; keys and digests of 112 bits of
  /// security at least; an extended key usage, if the leaf has one, that includes client authentication. The purpose
  /// and the strength are inferred: IoT Hub's documents name neither. Errors: iot_hub_unauthorized with OpenSSL's
  /// reason.
  [[nodiscard]] Result<Vouched> verify(const Chain& chain, Timestamp now) const;

  /// True while every CA in `cas` (see Vouched) is still among these.
  [[nodiscard]] bool hold(std::string_view cas) const;

 private:
  [[nodiscard]] Result<Vouched> verify_in(x509_store_st* store, const Chain& chain, Timestamp now) const;

  std::shared_ptr<x509_store_st> all_;
  /// Each CA whose subject another has, too, in a set of its own: OpenSSL looks for an issuer by its name, and without
  /// key identifiers takes the first of that name for the one.
  std::vector<std::shared_ptr<x509_store_st>> namesakes_;
  std::set<std::string> digests_;
};

}  // namespace twinhub::x509
