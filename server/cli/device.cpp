#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/rest_client.hpp"

#include <iostream>

namespace twinhub::cli {
namespace {

constexpr std::string_view api_version = "?api-version=2021-04-12";

std::optional<std::string> primary_key_of(const std::string& body) {
  const auto document = json::parse(body);
  if (!document) return std::nullopt;
  const auto authentication = document->root().find("authentication");
  const auto keys = authentication ? authentication->find("symmetricKey") : std::nullopt;
  const auto key = keys ? keys->find("primaryKey") : std::nullopt;
  return key ? key->string() : std::nullopt;
}

}  // namespace

int create_device(const config::Settings& settings, const IdentityId& id) {
  const auto target = local_target(settings, "iothubowner");
  if (!target) return report(target.error());
  std::string body = "{";
  json::append_key(body, "deviceId");
  json::append_string(body, id.device);
  body += '}';
  const auto answer =
      call(*target, "PUT", "/devices/" + iothub::percent_encode(id.device) + std::string(api_version), body);
  if (!answer) return report(answer.error());
  if (answer->status != 200) return report(fail(Errc::argument_invalid, message_of(*answer)));
  const auto key = primary_key_of(answer->body);
  if (!key) return report(fail(Errc::server_error, "the hub's answer holds no key"));
  std::cout << iothub::to_string({target->credentials.host_name, "", id, *key}) << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
