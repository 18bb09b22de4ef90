// CA certificates under Resource Manager's paths: the same as at the service API's /certificates, in Resource Manager's
// documents and errors.
// Source: azure-rest-api-specs iothub.json ("Certificates"); az's recorded certificate life cycle for what the cloud
// answers: the PUT repeats the certificate as sent, GET and list give bare base64.
#include "protocol/json/text.hpp"
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/handlers.hpp"
#include "server/management/arm/wait_for.hpp"

#include <string>

namespace twinhub::management {
namespace {

using Answer = hub::Certificates::Answer;

/// A certificate in PEM, itself in base64, becomes the base64 of its bytes on one line.
std::string bare_base64(const std::string& encoded_pem) {
  const auto pem = base64_decode(encoded_pem);
  if (!pem) return encoded_pem;
  std::string out;
  std::string_view rest = *pem;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.starts_with("-----")) out += line;
  }
  std::erase(out, '\r');
  return out;
}

/// The hub's own description with Resource Manager's id. `as_sent`: the certificate, when it is to be repeated.
std::string certificate_document(const ArmCall& call, json::Value own, const std::string* as_sent) {
  const std::string name = own.find("name")->string().value();
  const json::Value described = *own.find("properties");
  JsonObject properties;
  for (const json::Value member : described) {
    const std::string key = json::unescape(member.key_text());
    if (key == "certificate") {
      properties.text(key, as_sent != nullptr ? *as_sent : bare_base64(member.string().value()));
    } else {
      properties.raw(key, member.text());
    }
  }
  return JsonObject()
      .raw("properties", properties.close())
      .text("id", hub_id(call.context, call.hub) + "/certificates/" + name)
      .text("name", name)
      .text("type", "Microsoft.Devices/IotHubs/Certificates")
      .raw("etag", own.find("etag")->text())
      .close();
}

ArmAnswer answer_with(const ArmCall& call, const Result<Answer>& answer, const std::string* as_sent = nullptr) {
  if (!answer) return refusal(answer.error(), call.names.back());
  const auto own = json::parse(answer->json);
  if (!own) return refusal(own.error(), call.names.back());
  return document(certificate_document(call, own->root(), as_sent), answer->created ? 201 : 200);
}

/// The condition under Resource Manager's rule: a header that contains the etag names it.
IfMatch condition_of(const ArmCall& call, const std::string& name) {
  const std::string& header = call.request.if_match;
  if (header.empty()) return {};
  const auto current = call.context.hub.certificates.get(name);
  if (current && header != "*" && if_match_allows(header, current->etag)) return {true, false, current->etag};
  return parse_if_match(header);
}

/// `properties.certificate` as it was sent.
std::optional<std::string> sent_certificate(json::Value body) {
  const auto properties = body.find("properties");
  const auto certificate = (properties && properties->is_object() ? *properties : body).find("certificate");
  return certificate ? certificate->string() : std::nullopt;
}

ArmAnswer settled(const ArmCall& call, const Result<Answer>& answer, std::string_view what,
                  const std::string* as_sent = nullptr) {
  if (answer) log_change(call.request, "CA certificate '" + call.names[2] + "' " + std::string(what));
  return answer_with(call, answer, as_sent);
}

}  // namespace

ArmAnswer list_certificates(ArmCall& call) {
  const auto own = json::parse(call.context.hub.certificates.list());
  if (!own) return refusal(own.error(), "certificates");
  const json::Value all = *own->root().find("value");
  std::vector<std::string> certificates;
  for (const json::Value certificate : all) certificates.push_back(certificate_document(call, certificate, nullptr));
  return document(value_list(certificates));
}

ArmAnswer get_certificate(ArmCall& call) { return answer_with(call, call.context.hub.certificates.get(call.names[2])); }

ArmAnswer put_certificate(ArmCall& call) {
  const auto body = read_object(call.request);
  if (!body) return body.error();
  const std::string& name = call.names[2];
  const auto sent = sent_certificate(body->root());
  const auto answer = wait_for<Answer>([&](hub::Done<Answer> done) {
    call.context.hub.certificates.put(name, body->text(), condition_of(call, name), std::move(done));
  });
  return settled(call, answer, "set", sent ? &*sent : nullptr);
}

ArmAnswer delete_certificate(ArmCall& call) {
  const std::string& name = call.names[2];
  const auto existed = wait_for<bool>([&](hub::Done<bool> done) {
    call.context.hub.certificates.remove(name, condition_of(call, name), std::move(done));
  });
  if (!existed) return refusal(existed.error(), name);
  if (*existed) log_change(call.request, "CA certificate '" + name + "' deleted");
  return {*existed ? 200 : 204};
}

ArmAnswer generate_verification_code(ArmCall& call) {
  const std::string& name = call.names[2];
  const auto answer = wait_for<Answer>([&](hub::Done<Answer> done) {
    call.context.hub.certificates.generate_verification_code(name, condition_of(call, name), std::move(done));
  });
  return settled(call, answer, "has a new verification code");
}

ArmAnswer verify_certificate(ArmCall& call) {
  const auto body = read_object(call.request);
  if (!body) return body.error();
  const std::string& name = call.names[2];
  const auto answer = wait_for<Answer>([&](hub::Done<Answer> done) {
    call.context.hub.certificates.verify(name, body->text(), condition_of(call, name), std::move(done));
  });
  return settled(call, answer, "verified");
}

}  // namespace twinhub::management
