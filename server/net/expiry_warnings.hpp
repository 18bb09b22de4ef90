// What the log says of certificates that are about to end: 30, 7 and 1 days before, and when they have ended; each once.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace twinhub::net {

struct CertificateEnd {
  std::string which;         ///< "server", "ca", "ca_next", as the metric's label has it
  std::string subject;       ///< as operators know it
  std::int64_t ends_at = 0;  ///< Unix seconds
  friend bool operator==(const CertificateEnd&, const CertificateEnd&) = default;
};

struct ExpiryWarning {
  std::string which;
  std::string words;
  bool is_over = false;  ///< the certificate has ended
};

/// One thread.
class ExpiryWarnings {
 public:
  /// What has to be said at `now` (Unix seconds). A certificate with another end is another certificate.
  [[nodiscard]] std::vector<ExpiryWarning> look(std::span<const CertificateEnd> certificates, std::int64_t now);

 private:
  struct Said {
    CertificateEnd of;
    int step = 0;  ///< the number of thresholds passed
  };
  std::map<std::string, Said> said_;  ///< by `which`
};

}  // namespace twinhub::net
