#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/rest_client.hpp"

#include <iostream>

namespace twinhub::cli {
namespace {

constexpr std::string_view api_version = "?api-version=2021-04-12";

std::string device_path(const std::string& device, std::string_view rest) {
  return "/devices/" + iothub::percent_encode(device) + std::string(rest) + std::string(api_version);
}

Result<RestAnswer> call_hub(const config::Settings& settings, std::string_view method, const std::string& path,
                            std::string_view body, unsigned wanted) {
  auto credentials = policy_credentials(settings, "iothubowner");
  if (!credentials) return credentials.error();
  const bool anywhere = settings.listen == "0.0.0.0" || settings.listen == "::";
  const RestTarget target{*credentials, anywhere ? "127.0.0.1" : settings.listen, settings.https_port,
                          std::filesystem::path(settings.data_dir) / "tls" / "ca.pem"};
  auto answer = call(target, method, path, body);
  if (!answer || answer->status == wanted) return answer;
  const auto document = json::parse(answer->body);
  const auto message = document ? document->root().find("Message") : std::nullopt;
  return fail(Errc::argument_invalid, message ? message->string().value_or(answer->body) : answer->body);
}

}  // namespace

int send_message(const config::Settings& settings, const std::string& device, const std::string& text) {
  const auto answer = call_hub(settings, "POST", device_path(device, "/messages/devicebound"), text, 204);
  return answer ? exit_ok : report(answer.error());
}

int purge_messages(const config::Settings& settings, const std::string& device) {
  const auto answer = call_hub(settings, "DELETE", device_path(device, "/commands"), {}, 200);
  if (!answer) return report(answer.error());
  const auto document = json::parse(answer->body);
  const auto count = document ? document->root().find("totalMessagesPurged") : std::nullopt;
  std::cout << (count ? count->text() : "0") << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
