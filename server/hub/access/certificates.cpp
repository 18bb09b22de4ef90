#include "server/hub/access/certificates.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/member.hpp"
#include "server/base/answer.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::hub {
namespace {

using Now = std::optional<CaCertificate>;

constexpr std::size_t name_characters_max = 64;
constexpr std::size_t certificates_max = 25;  // azure-docs iot-hub-devguide-quotas-throttling, "X.509 CA certificates"
constexpr std::size_t code_bytes = 24;
constexpr std::uint64_t clock_skew_ticks = 300 * ticks_per_second;

/// azure-rest-api-specs iothub.json, "certificateName".
Result<void> check_name(const std::string& name) {
  const bool is_valid = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
  if (is_valid && !name.empty() && name.size() <= name_characters_max) return {};
  return fail(Errc::argument_invalid, "A certificate's name is 1 to 64 of A-Z a-z 0-9 - . _");
}

Error not_found(const std::string& name) {
  return fail(Errc::certificate_not_found, "There is no certificate '" + name + "'.");
}

/// IoT Hub's words for a certificate (crossplane-contrib/provider-upjet-azure issue 299).
Error invalid_etag() { return fail(Errc::precondition_failed, "Invalid ETag supplied."); }

struct Body {
  x509::Certificate certificate;
  std::optional<bool> verified;
};

/// {"properties":{"certificate":..,"isVerified":..}}, or, as before 2021-07, without "properties".
Result<Body> read_body(std::string_view text) {
  const auto document = json::parse(text);
  if (!document) return document.error();
  json::Value properties = document->root();
  if (const auto member = json::member_of(properties, "properties"); member && member->is_object())
    properties = *member;
  const auto member = json::member_of(properties, "certificate");
  const auto content = member ? member->string() : std::nullopt;
  if (!content || content->empty()) {
    return fail(Errc::argument_invalid, "properties.certificate must hold the certificate in base64");
  }
  auto certificate = x509::Certificate::parse(*content);
  if (!certificate) return certificate.error();
  Body body{std::move(*certificate), {}};
  if (const auto verified = json::member_of(properties, "isVerified"); verified && !verified->is_null()) {
    body.verified = verified->to_boolean();
    if (!body.verified) return fail(Errc::argument_invalid, "properties.isVerified must be true or false");
  }
  return body;
}

/// The checks of a write that needs the certificate and, as with Azure Resource Manager, an If-Match.
Result<void> check_present(const std::string& name, const CaCertificate* current, const IfMatch& if_match) {
  if (!if_match.present) return fail(Errc::precondition_failed, "Etag missing");
  if (current == nullptr) return not_found(name);
  if (!if_match.allows(identity_etag(current->etag))) {
    return invalid_etag();
  }
  return {};
}

Result<void> check_proof(const x509::Certificate& proof, const CaCertificate& ca, Timestamp now) {
  const auto invalid = [](std::string why) { return fail(Errc::argument_invalid, std::move(why)); };
  if (ca.verification_code.empty()) return invalid("Generate a verification code first");
  if (proof.common_name() != ca.verification_code) {
    return invalid("The verification certificate's common name is not the verification code");
  }
  if (!proof.is_issued_by(ca.certificate)) return invalid("The verification certificate is not signed by the CA");
  // Made a moment ago, on a machine whose clock may be ahead.
  if (proof.not_after() < now || proof.not_before().ticks > now.ticks + clock_skew_ticks) {
    return invalid("The verification certificate is expired, or not valid yet");
  }
  return {};
}

Certificates::Answer answer_of(const CaCertificate& ca, bool with_code = false) {
  Certificates::Answer answer;
  append_ca_certificate(answer.json, ca, with_code);
  answer.etag = identity_etag(ca.etag);
  return answer;
}

}  // namespace

Certificates::Certificates(storage::Store& store, const Clock& clock, Random& random)
    : store_(store), clock_(clock), random_(random) {
  rebuild();
}

Result<void> Certificates::load() {
  const std::lock_guard lock(mutex_);
  Result<void> outcome;
  const auto scanned = store_.scan_records(storage::RecordKind::certificates, {}, {},
                                           [&](std::string_view name, std::string_view record) {
                                             auto ca = decode_ca_certificate(name, record);
                                             if (ca) {
                                               durable_.emplace(name, std::move(*ca));
                                             } else {
                                               outcome = ca.error();
                                             }
                                             return outcome.has_value();
                                           });
  if (!scanned) return scanned.error();
  rebuild();
  return outcome;
}

void Certificates::trust_configured(std::vector<x509::Certificate> cas) {
  const std::lock_guard lock(mutex_);
  configured_ = std::move(cas);
  rebuild();
}

void Certificates::put(const std::string& name, std::string_view body, const IfMatch& if_match, Done<Answer> done) {
  if (const auto checked = check_name(name); !checked) return answer_now<Answer>(checked.error(), done);
  const auto read = read_body(body);
  if (!read) return answer_now<Answer>(read.error(), done);
  if (!read->certificate.is_ca()) {
    return answer_now<Answer>(
        fail(Errc::argument_invalid, "The certificate is no CA: its basic constraints do not say so"), done);
  }
  const auto created = std::make_shared<bool>(false);
  const auto decide = [&, created](const CaCertificate* current) -> Result<Now> {
    if (current != nullptr && !if_match.wants_existing()) {
      return invalid_etag();  // it exists: an If-Match would replace it
    }
    if (if_match.wants_existing()) {
      if (const auto checked = check_present(name, current, if_match); !checked) return checked.error();
    } else if (durable_.size() + writing_.size() >= certificates_max) {
      return fail(Errc::argument_invalid, "A hub keeps at most 25 certificates");
    }
    *created = current == nullptr;
    const Timestamp now = clock_.now();
    CaCertificate ca{name, read->certificate, read->verified.value_or(false), now, now, draw_etag(random_), {}};
    if (current == nullptr) return Now(std::move(ca));
    ca.created = current->created;
    if (current->certificate.sha256() == ca.certificate.sha256()) {
      ca.verified = read->verified.value_or(current->verified);
      if (!ca.verified) ca.verification_code = current->verification_code;
    }
    return Now(std::move(ca));
  };
  write(name, decide, [created, done = std::move(done)](Result<Now> now, storage::Outbox& outbox) {
    if (!now) return done(now.error(), outbox);
    Answer answer = answer_of(**now);
    answer.created = *created;
    done(std::move(answer), outbox);
  });
}

void Certificates::generate_verification_code(const std::string& name, const IfMatch& if_match, Done<Answer> done) {
  const auto decide = [&](const CaCertificate* current) -> Result<Now> {
    if (const auto checked = check_present(name, current, if_match); !checked) return checked.error();
    CaCertificate ca = *current;
    ca.verification_code = hex_encode(random_.bytes(code_bytes));
    ca.verified = false;
    ca.updated = clock_.now();
    ca.etag = draw_etag(random_);
    return Now(std::move(ca));
  };
  write(name, decide, [done = std::move(done)](Result<Now> now, storage::Outbox& outbox) {
    done(now ? Result<Answer>(answer_of(**now, true)) : now.error(), outbox);
  });
}

void Certificates::verify(const std::string& name, std::string_view body, const IfMatch& if_match, Done<Answer> done) {
  const auto read = read_body(body);
  if (!read) return answer_now<Answer>(read.error(), done);
  const auto decide = [&](const CaCertificate* current) -> Result<Now> {
    if (const auto checked = check_present(name, current, if_match); !checked) return checked.error();
    const Timestamp at = clock_.wall();
    if (const auto proved = check_proof(read->certificate, *current, at); !proved) return proved.error();
    CaCertificate ca = *current;
    ca.verified = true;
    ca.verification_code.clear();
    ca.updated = at;
    ca.etag = draw_etag(random_);
    return Now(std::move(ca));
  };
  write(name, decide, [done = std::move(done)](Result<Now> now, storage::Outbox& outbox) {
    done(now ? Result<Answer>(answer_of(**now)) : now.error(), outbox);
  });
}

void Certificates::remove(const std::string& name, const IfMatch& if_match, Done<bool> done) {
  const auto decide = [&](const CaCertificate* current) -> Result<Now> {
    if (const auto checked = check_present(name, current, if_match); !checked) return checked.error();
    return Now();
  };
  write(name, decide, [done = std::move(done)](Result<Now> now, storage::Outbox& outbox) {
    if (now) return done(true, outbox);
    if (now.error().code == Errc::certificate_not_found) return done(false, outbox);
    done(now.error(), outbox);
  });
}

Result<Certificates::Answer> Certificates::get(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = durable_.find(name);
  if (found == durable_.end()) return not_found(name);
  return answer_of(found->second);
}

std::string Certificates::list() const {
  const std::lock_guard lock(mutex_);
  std::string out = R"({"value":[)";
  for (const auto& [name, ca] : durable_) {
    if (out.back() != '[') out += ',';
    append_ca_certificate(out, ca, false);
  }
  return out + "]}";
}

std::shared_ptr<const x509::TrustedCas> Certificates::trusted() const {
  const std::lock_guard lock(mutex_);
  return trusted_;
}

/// Decides on the durable state, so that nothing rests on what a power cut may take back; a second write of the same
/// name is refused until the first one is settled.
void Certificates::write(const std::string& name, const Decide& decide, Told told) {
  auto begun = begin(name, decide);
  if (!begun) {
    storage::Outbox outbox;
    return told(begun.error(), outbox);
  }
  storage::RecordWrite record{storage::RecordKind::certificates, name, std::nullopt};
  if (*begun) record.value = encode_ca_certificate(**begun);
  const auto queued = store_.write_records(
      {std::move(record)}, {}, [this, name, now = *begun, told](const Result<void>& durable, storage::Outbox& outbox) {
        settle(name, durable, now);
        told(durable ? Result<Now>(now) : Result<Now>(unavailable()), outbox);
      });
  if (queued) return;
  settle(name, queued, {});
  storage::Outbox outbox;
  told(unavailable(), outbox);
}

Result<Now> Certificates::begin(const std::string& name, const Decide& decide) {
  const std::lock_guard lock(mutex_);
  if (writing_.contains(name)) {
    return fail(Errc::precondition_failed, "Another change of the certificate '" + name + "' is on its way");
  }
  const auto current = durable_.find(name);
  auto decided = decide(current == durable_.end() ? nullptr : &current->second);
  if (decided) writing_.insert(name);
  return decided;
}

void Certificates::settle(const std::string& name, const Result<void>& durable,
                          const std::optional<CaCertificate>& now) {
  const std::lock_guard lock(mutex_);
  writing_.erase(name);
  if (!durable) return;
  if (now) {
    durable_.insert_or_assign(name, *now);
  } else {
    durable_.erase(name);
  }
  rebuild();
}

/// REQUIRES: mutex_, or nobody else yet.
void Certificates::rebuild() {
  std::vector<x509::Certificate> cas = configured_;
  for (const auto& [name, ca] : durable_) {
    if (ca.verified) cas.push_back(ca.certificate);
  }
  trusted_ = std::make_shared<const x509::TrustedCas>(cas);
  ++generation_;
}

}  // namespace twinhub::hub
