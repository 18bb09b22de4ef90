#include "server/control/wait_request.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/query/parse.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace twinhub::control {
namespace {

using std::chrono::milliseconds;

Error cannot(std::string why) { return fail(Errc::argument_invalid, std::move(why)); }

std::optional<milliseconds> parse_timeout(std::string_view text) {
  std::uint32_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  milliseconds time{};
  if (unit == "ms") {
    time = milliseconds(number);
  } else if (unit == "m") {
    time = std::chrono::minutes(number);
  } else if (unit == "s" || unit.empty()) {
    time = std::chrono::seconds(number);
  } else {
    return std::nullopt;
  }
  return time <= WaitRequest::timeout_max ? std::optional(time) : std::nullopt;
}

/// As a string in a query.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

/// The condition has to be one by itself: in brackets `a) OR (b` would be one, too.
Result<std::string> query_over(const IdentityId& id, const std::string& condition) {
  const std::string from = id.is_module() ? "SELECT * FROM devices.modules WHERE " : "SELECT * FROM devices WHERE ";
  if (const auto parsed = query::parse_query(from + condition); !parsed) {
    query::SyntaxError error = parsed.error();
    error.position -= std::min(error.position, from.size());
    return query::to_error(error, condition);
  }
  std::string whole = from + "deviceId = " + quoted(id.device);
  if (id.is_module()) whole += " AND moduleId = " + quoted(id.module);
  whole += " AND (" + condition + ")";
  if (!query::parse_query(whole)) return cannot("condition is what stands behind WHERE, without anything behind it");
  return whole;
}

}  // namespace

Result<WaitRequest> parse_wait_request(std::string_view text) {
  WaitRequest request;
  std::optional<std::string> condition, telemetry;
  std::string form(text);  // application/x-www-form-urlencoded, as URLSearchParams and curl --data-urlencode write it
  std::replace(form.begin(), form.end(), '+', ' ');
  for (const iothub::Property& property : iothub::parse_property_bag(form)) {
    const std::string value = property.value.value_or("");
    if (property.name == "device") {
      request.id.device = value;
    } else if (property.name == "module") {
      request.id.module = value;
    } else if (property.name == "condition") {
      condition = value;
    } else if (property.name == "telemetry") {
      telemetry = value;
    } else if (property.name == "timeout") {
      const auto timeout = parse_timeout(value);
      if (!timeout) return cannot("timeout is a time of an hour at most, as 500ms, 10s or 2m");
      request.timeout = *timeout;
    } else {
      return cannot("there are the parameters device, module, condition, telemetry and timeout, and no other");
    }
  }
  if (!is_valid_id(request.id.device) || (request.id.is_module() && !is_valid_id(request.id.module)))
    return cannot("device is the id of a device, module that of one of its modules");
  if (condition.has_value() == telemetry.has_value())
    return cannot("either condition or telemetry says what to wait for");
  if (telemetry) {
    auto parsed = query::RoutingCondition::parse(*telemetry);
    if (!parsed) return query::to_error(parsed.error(), *telemetry);
    request.telemetry = std::move(*parsed);
    return request;
  }
  auto whole = query_over(request.id, *condition);
  if (!whole) return whole.error();
  request.query = std::move(*whole);
  return request;
}

}  // namespace twinhub::control
