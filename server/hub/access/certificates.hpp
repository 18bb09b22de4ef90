// The CAs that may vouch for devices: uploaded to the hub and verified there, or named by the operator's settings.
// Source: azure-docs iot-hub-x509ca-overview ("proof of possession"); azure-rest-api-specs iothub.json, "Certificates".
#pragma once

#include "protocol/x509/certificate.hpp"
#include "protocol/x509/trusted_cas.hpp"
#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "server/hub/access/ca_certificate.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// Any thread. Answers are JSON bodies ready to send. Every certificate is kept in memory: there are few.
class Certificates {
 public:
  struct Answer {
    std::string json;
    std::string etag;  ///< unquoted
    bool created = false;
  };

  Certificates(storage::Store& store, const Clock& clock, Random& random);

  /// Reads what is stored. Once, before anything else is called. Errors: service_unavailable, for the operator.
  [[nodiscard]] Result<void> load();
  /// Trusts these beside the verified ones, in place of those given before. REQUIRES: CAs.
  void trust_configured(std::vector<x509::Certificate> cas);

  /// PUT: without If-Match creates, with one replaces. `properties.isVerified` true is the caller's word for it;
  /// another certificate under the same name is not verified any more. Errors: argument_invalid (name, certificate, no
  /// CA, too many), iot_hub_format_error, certificate_not_found, precondition_failed.
  void put(const std::string& name, std::string_view body, const IfMatch& if_match, Done<Answer> done);
  /// A code that the holder of the CA's key is to have in a certificate's common name. A new one ends the one before;
  /// the certificate is not verified until it is proved. Errors: certificate_not_found, precondition_failed.
  void generate_verification_code(const std::string& name, const IfMatch& if_match, Done<Answer> done);
  /// Takes the certificate with the code, signed by the CA, in place of the operator's word. Errors: as above;
  /// argument_invalid when it proves nothing.
  void verify(const std::string& name, std::string_view body, const IfMatch& if_match, Done<Answer> done);
  /// Its devices' connections end within a second or two. The answer is whether it was there: nothing to delete is no
  /// Error. Errors: precondition_failed.
  void remove(const std::string& name, const IfMatch& if_match, Done<bool> done);
  /// Errors: certificate_not_found.
  [[nodiscard]] Result<Answer> get(const std::string& name) const;
  /// {"value":[...]} in the order of names.
  [[nodiscard]] std::string list() const;

  /// The verified and the configured CAs, as of now.
  [[nodiscard]] std::shared_ptr<const x509::TrustedCas> trusted() const;
  /// Grows whenever trusted() changes.
  [[nodiscard]] std::uint64_t generation() const { return generation_.load(); }

 private:
  /// What a write makes of the durable state; nullopt removes it.
  using Decide = std::function<Result<std::optional<CaCertificate>>(const CaCertificate* current)>;
  using Told = std::function<void(Result<std::optional<CaCertificate>> now, storage::Outbox& outbox)>;
  void write(const std::string& name, const Decide& decide, Told told);
  [[nodiscard]] Result<std::optional<CaCertificate>> begin(const std::string& name, const Decide& decide);
  void settle(const std::string& name, const Result<void>& durable, const std::optional<CaCertificate>& now);
  void rebuild();

  storage::Store& store_;
  const Clock& clock_;
  Random& random_;

  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, CaCertificate> durable_;  ///< what may be told
  std::set<std::string> writing_;  ///< names with a write on its way: the next has to wait for its answer
  std::vector<x509::Certificate> configured_;
  std::shared_ptr<const x509::TrustedCas> trusted_;

  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace twinhub::hub
