#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"

#include <iostream>

namespace twinhub::cli {
namespace {

std::optional<std::string> primary_key_of(const std::string& body) {
  const auto document = json::parse(body);
  if (!document) return std::nullopt;
  const auto authentication = document->root().find("authentication");
  const auto keys = authentication ? authentication->find("symmetricKey") : std::nullopt;
  const auto key = keys ? keys->find("primaryKey") : std::nullopt;
  return key ? key->string() : std::nullopt;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (out.back() != '{') out += ',';
  json::append_key(out, name);
  json::append_string(out, text);
}

std::string body_of(const NewDevice& device) {
  std::string body = "{";
  append_member(body, "deviceId", device.id);
  if (device.authentication == "sas") return body + "}";
  body += R"(,"authentication":{)";
  append_member(body, "type", device.authentication == "ca" ? "certificateAuthority" : "selfSigned");
  if (!device.thumbprints.empty()) {
    body += R"(,"x509Thumbprint":{)";
    append_member(body, "primaryThumbprint", device.thumbprints.front());
    if (device.thumbprints.size() > 1) append_member(body, "secondaryThumbprint", device.thumbprints[1]);
    body += '}';
  }
  return body + "}}";
}

}  // namespace

int create_device(const config::Settings& settings, const NewDevice& device) {
  if (device.thumbprints.empty() == (device.authentication == "selfsigned")) {
    std::cerr << "twinhub: --thumbprint belongs to --auth selfsigned, once or twice\n";
    return exit_usage;
  }
  const auto body = call_hub(settings, "PUT", "/devices/" + iothub::percent_encode(device.id), body_of(device));
  if (!body) return report(body.error());
  iothub::ConnectionString credentials{host_name_of(settings), "", {device.id, ""}, "", device.authentication != "sas"};
  if (!credentials.x509) {
    const auto key = primary_key_of(*body);
    if (!key) return report(fail(Errc::server_error, "the hub's answer holds no key"));
    credentials.shared_access_key = *key;
  }
  std::cout << iothub::to_string(credentials) << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
