// One X.509 certificate as a value: its fields, and whether a CA has signed it.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct x509_st;  // OpenSSL's X509

namespace twinhub::x509 {

/// Larger texts are refused before they are looked at.
inline constexpr std::size_t certificate_bytes_max = 64 * 1024;

/// Immutable and cheap to copy. Any thread.
class Certificate {
 public:
  /// Reads PEM (the first certificate in it) or DER, as it is or in base64 once more, as the clients of Azure Resource
  /// Manager upload it. Errors: argument_invalid.
  [[nodiscard]] static Result<Certificate> parse(std::string_view text);
  /// Takes over one reference. REQUIRES: not null.
  [[nodiscard]] static Certificate adopt(x509_st* certificate);

  [[nodiscard]] std::string der() const;
  [[nodiscard]] std::string pem() const;
  /// Of the DER, upper-case hex: 40 digits, 64 digits.
  [[nodiscard]] std::string sha1_thumbprint() const;
  [[nodiscard]] std::string sha256_thumbprint() const;
  /// The same 32 bytes, raw.
  [[nodiscard]] std::string sha256() const;
  /// The subject's common name in UTF-8; nullopt when the subject has none, or more than one.
  [[nodiscard]] std::optional<std::string> common_name() const;
  /// The whole subject for people, in ASCII with escapes: "CN=root, O=Contoso".
  [[nodiscard]] std::string subject() const;
  [[nodiscard]] Timestamp not_before() const;
  [[nodiscard]] Timestamp not_after() const;
  /// Both ends belong to the time of validity (RFC 5280 section 4.1.2.5).
  [[nodiscard]] bool is_valid_at(Timestamp now) const;
  /// A CA by its basic constraints: neither version 1 nor the key usage alone makes one.
  [[nodiscard]] bool is_ca() const;
  /// Names `ca` as its issuer, may be issued by it, and carries its signature.
  [[nodiscard]] bool is_issued_by(const Certificate& ca) const;

  [[nodiscard]] x509_st* get() const { return certificate_.get(); }

 private:
  explicit Certificate(std::shared_ptr<x509_st> certificate) : certificate_(std::move(certificate)) {}
  std::shared_ptr<x509_st> certificate_;
};

/// A peer's certificates of the TLS handshake: the leaf first, whose key the peer proved to hold; then any others that
/// the peer sent.
using Chain = std::vector<Certificate>;

/// Every certificate of a PEM text, in order. Errors: argument_invalid for one that cannot be read, and for none.
[[nodiscard]] Result<std::vector<Certificate>> parse_pem_list(std::string_view text);

/// Compares hex digits; letters of either case are the same.
[[nodiscard]] bool same_thumbprint(std::string_view a, std::string_view b);

}  // namespace twinhub::x509
