#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "protocol/utf8.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace twinhub::cli {
namespace {

std::string path_of(const std::string& name) { return "/certificates/" + iothub::percent_encode(name); }

/// {"properties":{"certificate":"<the file in base64>"...
Result<std::string> body_of(const std::string& file, bool verified) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  if (!in || !(content << in.rdbuf())) return fail(Errc::argument_invalid, file + " cannot be read, or is empty");
  std::string body = R"({"properties":{"certificate":)";
  json::append_string(body, base64_encode(content.str()));
  if (verified) body += R"(,"isVerified":true)";
  return body + "}}";
}

std::string text_at(const json::Value& properties, std::string_view name) {
  const auto member = properties.find(name);
  return member ? member->string().value_or("") : "";
}

/// One line: name, verified or not, end, thumbprint, subject.
void print_line(const json::Value& certificate) {
  const auto properties = certificate.find("properties");
  if (!properties) return;
  const auto verified = properties->find("isVerified");
  const std::string state = verified && verified->boolean().value_or(false) ? "verified" : "unverified";
  std::cout << std::left << std::setw(24) << text_at(certificate, "name") << " " << std::setw(10) << state << " "
            << text_at(*properties, "expiry") << "  " << text_at(*properties, "thumbprint") << "  "
            << visible_text(text_at(*properties, "subject")) << "\n";
}

int print_answer(const Result<std::string>& body) {
  if (!body) return report(body.error());
  const auto document = json::parse(*body);
  if (!document) return report(document.error());
  print_line(document->root());
  return exit_ok;
}

}  // namespace

int add_certificate(const config::Settings& settings, const std::string& name, const std::string& file, bool verified) {
  const auto body = body_of(file, verified);
  if (!body) return report(body.error());
  const bool exists = call_hub(settings, "GET", path_of(name)).has_value();
  return print_answer(call_hub(settings, "PUT", path_of(name), *body, exists ? any_etag : ""));
}

int list_certificates(const config::Settings& settings) {
  const auto body = call_hub(settings, "GET", "/certificates");
  if (!body) return report(body.error());
  const auto document = json::parse(*body);
  const auto list = document ? document->root().find("value") : std::nullopt;
  if (!list) return report(fail(Errc::server_error, "the hub's answer holds no list"));
  if (list->empty()) std::cerr << "no certificates\n";
  for (const json::Value certificate : *list) print_line(certificate);
  return exit_ok;
}

int show_certificate(const config::Settings& settings, const std::string& name) {
  const auto body = call_hub(settings, "GET", path_of(name));
  if (!body) return report(body.error());
  std::cout << *body << "\n";
  return exit_ok;
}

int print_verification_code(const config::Settings& settings, const std::string& name) {
  const auto body = call_hub(settings, "POST", path_of(name) + "/generateVerificationCode", {}, any_etag);
  if (!body) return report(body.error());
  const auto document = json::parse(*body);
  const auto properties = document ? document->root().find("properties") : std::nullopt;
  if (!properties) return report(fail(Errc::server_error, "the hub's answer holds no code"));
  std::cout << text_at(*properties, "verificationCode") << "\n";
  return exit_ok;
}

int verify_certificate(const config::Settings& settings, const std::string& name, const std::string& file) {
  const auto body = body_of(file, false);
  if (!body) return report(body.error());
  return print_answer(call_hub(settings, "POST", path_of(name) + "/verify", *body, any_etag));
}

int delete_certificate(const config::Settings& settings, const std::string& name) {
  const auto known = call_hub(settings, "GET", path_of(name));
  if (!known) return report(known.error());
  const auto gone = call_hub(settings, "DELETE", path_of(name), {}, any_etag);
  return gone ? exit_ok : report(gone.error());
}

}  // namespace twinhub::cli
