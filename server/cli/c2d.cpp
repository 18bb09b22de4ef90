#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/net/http_text.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>

namespace twinhub::cli {
namespace {

std::string device_path(const std::string& device, std::string_view rest) {
  return "/devices/" + iothub::percent_encode(device) + std::string(rest);
}

/// Headers carry the message's properties.
Result<void> check_value(const std::string& name, const std::string& value) {
  const bool has_control =
      std::any_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (has_control) return fail(Errc::argument_invalid, "the value of '" + name + "' has control characters");
  return {};
}

/// "name=value" as the header of an application property.
Result<std::pair<std::string, std::string>> property_header(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (equals == std::string::npos || name.empty() || !std::all_of(name.begin(), name.end(), net::is_token_character))
    return fail(Errc::argument_invalid,
                "'" + text + "' is no NAME=VALUE: a name has letters, digits and !#$%&'*+-.^_`|~");
  std::string value = text.substr(equals + 1);
  if (const auto checked = check_value(name, value); !checked) return checked.error();
  return std::pair("iothub-app-" + name, std::move(value));
}

/// A time as it is; seconds from now as a time.
std::string expiry_of(const std::string& text) {
  const bool is_seconds =
      text.size() <= 9 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_seconds || text.empty()) return text;
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return to_iso8601(timestamp_from_unix(now.count() + std::stol(text)));
}

Result<std::vector<std::pair<std::string, std::string>>> headers_of(const OutgoingMessage& message) {
  std::vector<std::pair<std::string, std::string>> headers;
  const std::pair<const char*, std::string> fields[] = {
      {"iothub-messageid", message.message_id},     {"iothub-correlationid", message.correlation_id},
      {"iothub-userid", message.user_id},           {"iothub-contenttype", message.content_type},
      {"iothub-contentencoding", message.encoding}, {"iothub-ack", message.acknowledgement},
      {"iothub-expiry", expiry_of(message.expiry)},
  };
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    if (const auto checked = check_value(name, value); !checked) return checked.error();
    headers.emplace_back(name, value);
  }
  for (const std::string& property : message.properties) {
    auto header = property_header(property);
    if (!header) return header.error();
    headers.push_back(std::move(*header));
  }
  return headers;
}

}  // namespace

int send_message(const config::Settings& settings, const OutgoingMessage& message) {
  auto headers = headers_of(message);
  if (!headers) {
    (void)report(headers.error());
    return exit_usage;
  }
  auto hub = HubConnection::open(settings);
  if (!hub) return report(hub.error());
  const auto answer = hub->call({.method = "POST",
                                 .path = device_path(message.device, "/messages/devicebound"),
                                 .body = message.body,
                                 .headers = std::move(*headers)});
  return answer ? exit_ok : report(answer.error());
}

int purge_messages(const config::Settings& settings, const std::string& device) {
  const auto answer = call_hub(settings, "DELETE", device_path(device, "/commands"));
  if (!answer) return report(answer.error());
  const auto document = json::parse(*answer);
  const auto count = document ? document->root().find("totalMessagesPurged") : std::nullopt;
  std::cout << (count ? count->text() : "0") << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
