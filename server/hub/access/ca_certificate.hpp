// A CA certificate as the hub keeps it: its record on disk, and its JSON in the shape of Azure Resource Manager's IoT
// Hub certificates.
// Source: azure-rest-api-specs iothub.json, "CertificateDescription".
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/x509/certificate.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub::hub {

struct CaCertificate {
  std::string name;
  x509::Certificate certificate;
  bool verified = false;
  Timestamp created;
  Timestamp updated;
  std::uint64_t etag = 0;         ///< shown by identity_etag(); changes with every write
  std::string verification_code;  ///< empty unless one was asked for, and once it is verified
};

/// The record's bytes; storage/FORMAT.md draws them. Its key is the name.
[[nodiscard]] std::string encode_ca_certificate(const CaCertificate& ca);
/// Errors: service_unavailable, naming the record.
[[nodiscard]] Result<CaCertificate> decode_ca_certificate(std::string_view name, std::string_view record);

/// Appends the certificate's description; with `with_code` its verification code, too.
void append_ca_certificate(std::string& out, const CaCertificate& ca, bool with_code);

}  // namespace twinhub::hub
