#include "server/cli/hub_call.hpp"

#include "protocol/json/document.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/rest_client.hpp"

#include <filesystem>

namespace twinhub::cli {
namespace {

constexpr std::string_view api_version = "?api-version=2021-04-12";

/// The message of an error body, or the body itself.
std::string message_of(const RestAnswer& answer) {
  const auto document = json::parse(answer.body);
  const auto message = document ? document->root().find("Message") : std::nullopt;
  return message ? message->string().value_or(answer.body) : answer.body;
}

}  // namespace

Result<std::string> call_hub(const config::Settings& settings, std::string_view method, const std::string& path,
                             std::string_view body, std::string_view if_match) {
  auto credentials = policy_credentials(settings, "iothubowner");
  if (!credentials) return credentials.error();
  const bool anywhere = settings.listen == "0.0.0.0" || settings.listen == "::";
  const RestTarget target{std::move(*credentials), anywhere ? "127.0.0.1" : settings.listen, settings.https_port,
                          std::filesystem::path(settings.data_dir) / "tls" / "ca.pem"};
  const auto answer = call(target, method, path + std::string(api_version), body, if_match);
  if (!answer) return answer.error();
  if (answer->status / 100 != 2) return fail(Errc::argument_invalid, message_of(*answer));
  return answer->body;
}

}  // namespace twinhub::cli
