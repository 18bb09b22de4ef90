#include "protocol/iothub/device_topics.hpp"

#include <array>
#include <charconv>

namespace twinhub::iothub {
namespace {

constexpr std::string_view twin_get = "$iothub/twin/GET/";
constexpr std::string_view twin_reported = "$iothub/twin/PATCH/properties/reported/";
constexpr std::string_view method_response = "$iothub/methods/res/";
constexpr std::string_view twin_responses_filter = "$iothub/twin/res/#";
constexpr std::string_view desired_filter = "$iothub/twin/PATCH/properties/desired/#";
constexpr std::string_view methods_filter = "$iothub/methods/POST/";

/// Removes `prefix` from the front of `text` when it stands there.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// "devices/{D}/" or "devices/{D}/modules/{M}/"; the own ids are literal text, whatever characters they hold.
bool take_own_prefix(std::string_view& topic, const IdentityId& self) {
  std::string_view rest = topic;
  if (!take(rest, "devices/") || !take(rest, self.device) || !take(rest, "/")) return false;
  if (self.is_module() && (!take(rest, "modules/") || !take(rest, self.module) || !take(rest, "/"))) return false;
  topic = rest;
  return true;
}

/// One `name=value` of "?name=value&name=value".
std::optional<std::string_view> parameter(std::string_view query, std::string_view name) {
  if (query.starts_with('?')) query.remove_prefix(1);
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (take(pair, name) && take(pair, "=")) return pair;
  }
  return std::nullopt;
}

std::optional<DeviceTopic> parse_telemetry(std::string_view rest) {
  if (!take(rest, "messages/events")) return std::nullopt;
  if (rest.empty()) return TelemetryTopic{};
  if (!take(rest, "/")) return std::nullopt;
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find('/') != std::string_view::npos) {
    // No topic levels below the bag; yet the C SDK does not encode values, so a '/' behind the first '=' is data.
    if (rest.find('/') < rest.find('=')) return std::nullopt;
  }
  return TelemetryTopic{rest};
}

std::optional<DeviceTopic> parse_twin(std::string_view topic) {
  if (take(topic, twin_get)) {
    const auto rid = parameter(topic, "$rid");
    if (!topic.starts_with('?') || !rid || rid->empty()) return std::nullopt;
    return TwinGetTopic{*rid};
  }
  if (take(topic, twin_reported)) {
    if (!topic.empty() && !topic.starts_with('?')) return std::nullopt;
    return TwinReportedTopic{parameter(topic, "$rid").value_or(std::string_view{}), parameter(topic, "$version")};
  }
  return std::nullopt;
}

std::optional<DeviceTopic> parse_method_response(std::string_view rest) {
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  const auto rid = parameter(rest.substr(slash + 1), "$rid");
  if (!rid) return std::nullopt;
  return MethodResponseTopic{rest.substr(0, slash), *rid};
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace

bool is_topic_name(std::string_view topic, const IdentityId& self) {
  if (topic.empty()) return false;
  take_own_prefix(topic, self);
  return topic.find_first_of("+#") == std::string_view::npos;
}

std::optional<DeviceTopic> parse_device_topic(std::string_view topic, const IdentityId& self) {
  if (!is_topic_name(topic, self)) return std::nullopt;
  if (take_own_prefix(topic, self)) return parse_telemetry(topic);
  if (topic.starts_with("$iothub/twin/")) return parse_twin(topic);
  if (take(topic, method_response)) return parse_method_response(topic);
  return std::nullopt;
}

std::string_view filter_behind_own_ids(std::string_view filter, const IdentityId& self) {
  take_own_prefix(filter, self);
  return filter;
}

std::optional<FilterKind> parse_topic_filter(std::string_view filter, const IdentityId& self) {
  if (filter == twin_responses_filter) return FilterKind::twin_responses;
  if (filter == desired_filter) return FilterKind::desired_changes;
  if (take(filter, methods_filter)) {
    // "#" or "{name}/#"
    const std::size_t slash = filter.find('/');
    const bool all = filter == "#";
    const bool one = slash != std::string_view::npos && slash > 0 && slash <= method_name_bytes_max &&
                     filter.substr(slash) == "/#" &&
                     filter.substr(0, slash).find_first_of("+#") == std::string_view::npos;
    if (all || one) return FilterKind::methods;
    return std::nullopt;
  }
  if (!self.is_module() && filter == "devices/+/messages/devicebound/#") return FilterKind::cloud_to_device;
  if (!take_own_prefix(filter, self)) return std::nullopt;
  if (!self.is_module()) {
    if (filter == "messages/devicebound/#") return FilterKind::cloud_to_device;
    return std::nullopt;
  }
  if (filter == "#" || filter == "inputs/#" || filter == "messages/devicebound/#") return FilterKind::module_inputs;
  return std::nullopt;
}

bool filter_takes_method(std::string_view filter, std::string_view method) {
  if (!take(filter, methods_filter)) return false;
  return filter == "#" || (take(filter, method) && filter == "/#");
}

void append_twin_response_topic(std::string& out, unsigned status, std::string_view rid,
                                std::optional<std::uint64_t> version) {
  out += "$iothub/twin/res/";
  append_number(out, status);
  out += "/?$rid=";
  out += rid;
  if (version) {
    out += "&$version=";
    append_number(out, *version);
  }
}

void append_desired_topic(std::string& out, std::uint64_t version) {
  out += "$iothub/twin/PATCH/properties/desired/?$version=";
  append_number(out, version);
}

void append_method_topic(std::string& out, std::string_view method, std::uint64_t rid) {
  out += methods_filter;
  out += method;
  out += "/?$rid=";
  append_number(out, rid);
}

}  // namespace twinhub::iothub
