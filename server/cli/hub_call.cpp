#include "server/cli/hub_call.hpp"

#include "server/cli/rest_client.hpp"

namespace twinhub::cli {
namespace {

constexpr std::string_view api_version = "?api-version=2021-04-12";

}  // namespace

Result<std::string> call_hub(const config::Settings& settings, std::string_view method, const std::string& path,
                             std::string_view body, std::string_view if_match) {
  const auto target = local_target(settings, "iothubowner");
  if (!target) return target.error();
  const auto answer = call(*target, method, path + std::string(api_version), body, if_match);
  if (!answer) return answer.error();
  if (answer->status / 100 != 2) return fail(Errc::argument_invalid, message_of(*answer));
  return answer->body;
}

}  // namespace twinhub::cli
