#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/rest_client.hpp"

#include <iostream>

namespace twinhub::cli {

int invoke_method(const config::Settings& settings, const MethodCall& method) {
  const auto payload = json::parse(method.payload);
  if (!payload) return report(fail(Errc::argument_invalid, "the payload is not JSON (a string needs its quotes)"));
  auto target = target_of(settings, "service");
  if (!target) return report(target.error());
  target->time_limit += std::chrono::seconds(method.timeout_seconds);

  std::string body = R"({"methodName":)";
  json::append_string(body, method.name);
  body += R"(,"responseTimeoutInSeconds":)" + std::to_string(method.timeout_seconds) + R"(,"payload":)" +
          payload->text() + "}";
  std::string path = "/twins/" + iothub::percent_encode(method.id.device);
  if (method.id.is_module()) path += "/modules/" + iothub::percent_encode(method.id.module);
  const auto answer = call(*target, "POST", path + "/methods?api-version=2021-04-12", body);
  if (!answer) return report(answer.error());
  if (answer->status != 200) return report(fail(Errc::argument_invalid, message_of(*answer)));
  std::cout << answer->body << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
