#include "server/hub/access/ca_certificate.hpp"

#include "protocol/json/text.hpp"
#include "storage/format/bytes.hpp"

namespace twinhub::hub {
namespace {

constexpr std::uint8_t record_version = 1;

void append_member(std::string& out, std::string_view name, std::string_view text) {
  json::append_key(out, name);
  json::append_string(out, text);
  out += ',';
}

}  // namespace

std::string encode_ca_certificate(const CaCertificate& ca) {
  std::string record;
  storage::ByteWriter writer(record);
  writer.integer(record_version);
  writer.integer(static_cast<std::uint8_t>(ca.verified ? 1 : 0));
  writer.integer(ca.created.ticks);
  writer.integer(ca.updated.ticks);
  writer.integer(ca.etag);
  writer.text(ca.verification_code);
  writer.text(ca.certificate.der());
  return record;
}

Result<CaCertificate> decode_ca_certificate(std::string_view name, std::string_view record) {
  const Error damaged = fail(Errc::service_unavailable,
                             "the certificate record '" + std::string(name) + "' is damaged or of a newer version");
  storage::ByteReader reader(record);
  if (reader.integer<std::uint8_t>() != record_version) return damaged;
  const auto verified = reader.integer<std::uint8_t>();
  const Timestamp created{reader.integer<std::uint64_t>()};
  const Timestamp updated{reader.integer<std::uint64_t>()};
  const auto etag = reader.integer<std::uint64_t>();
  std::string code = reader.text();
  const std::string der = reader.text();
  if (!reader.ok() || reader.left() > 0 || verified > 1) return damaged;
  auto certificate = x509::Certificate::parse(der);
  if (!certificate) return damaged;
  return CaCertificate{std::string(name), std::move(*certificate), verified == 1, created, updated, etag,
                       std::move(code)};
}

void append_ca_certificate(std::string& out, const CaCertificate& ca, bool with_code) {
  out += '{';
  append_member(out, "id", "/certificates/" + ca.name);
  append_member(out, "name", ca.name);
  append_member(out, "type", "Microsoft.Devices/IotHubs/Certificates");
  append_member(out, "etag", identity_etag(ca.etag));
  out += R"("properties":{)";
  append_member(out, "subject", ca.certificate.subject());
  append_member(out, "expiry", to_rfc1123(ca.certificate.not_after()));
  append_member(out, "thumbprint", ca.certificate.sha1_thumbprint());
  out += ca.verified ? R"("isVerified":true,)" : R"("isVerified":false,)";
  append_member(out, "created", to_rfc1123(ca.created));
  append_member(out, "updated", to_rfc1123(ca.updated));
  if (with_code) append_member(out, "verificationCode", ca.verification_code);
  append_member(out, "certificate", base64_encode(ca.certificate.pem()));
  out.back() = '}';
  out += '}';
}

}  // namespace twinhub::hub
