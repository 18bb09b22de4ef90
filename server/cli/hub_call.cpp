#include "server/cli/hub_call.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

namespace twinhub::cli {
namespace {

constexpr std::chrono::seconds busy_wait_max{120};  // in all, before the command gives a busy hub up

Errc code_of(unsigned status) {
  switch (status) {
    case 401:
    case 403:
      return Errc::iot_hub_unauthorized_access;
    case 404:
      return Errc::device_not_found;
    case 409:
      return Errc::device_already_exists;
    case 412:
      return Errc::precondition_failed;
    case 429:
    case 503:
      return Errc::service_unavailable;
    default:
      return Errc::argument_invalid;
  }
}

bool is_busy(unsigned status) { return status == 429 || status == 503; }

}  // namespace

Error refusal_of(const RestAnswer& answer) {
  return fail(code_of(answer.status),
              answer.body.empty() ? "the hub answers " + std::to_string(answer.status) : message_of(answer));
}

Result<std::string> call_hub(const config::Settings& settings, std::string_view method, const std::string& path,
                             std::string_view body, std::string_view if_match) {
  auto hub = HubConnection::open(settings);
  if (!hub) return hub.error();
  auto answer = hub->call(
      {.method = method, .path = path, .body = std::string(body), .if_match = std::string(if_match), .headers = {}});
  if (!answer) return answer.error();
  return std::move(answer->body);
}

Result<HubConnection> HubConnection::open(const config::Settings& settings) {
  auto target = target_of(settings, "iothubowner");
  if (!target) return target.error();
  return HubConnection(std::make_unique<RestConnection>(std::move(*target)));
}

Result<RestAnswer> HubConnection::send(RestRequest request) {
  request.path += (request.path.find('?') == std::string::npos ? '?' : '&') + std::string(api_version);
  std::chrono::seconds waited{0}, wait{1};
  while (true) {
    auto answer = connection_->call(request);
    if (!answer || !is_busy(answer->status) || waited >= busy_wait_max) return answer;
    std::this_thread::sleep_for(wait);
    waited += wait;
    wait = std::min(2 * wait, std::chrono::seconds(10));
  }
}

Result<RestAnswer> HubConnection::call(RestRequest request) {
  auto answer = send(std::move(request));
  if (answer && answer->status / 100 != 2) return refusal_of(*answer);
  return answer;
}

}  // namespace twinhub::cli
