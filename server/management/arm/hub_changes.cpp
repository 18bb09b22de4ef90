#include "server/management/arm/hub_changes.hpp"

#include "protocol/json/text.hpp"
#include "server/management/arm/hub_document.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace twinhub::management {
namespace {

/// Read-only, or dealt with elsewhere.
constexpr std::array passed_over = {
    std::string_view("authorizationPolicies"),
    std::string_view("hostName"),
    std::string_view("state"),
    std::string_view("provisioningState"),
    std::string_view("locations"),
    std::string_view("features"),
    std::string_view("privateEndpointConnections"),
    std::string_view("eventHubEndpoints.events.path"),
    std::string_view("eventHubEndpoints.events.endpoint"),
    std::string_view("eventHubEndpoints.events.partitionIds"),
};

/// Properties that the document does not show, and the only values under which the hub is what the client believes.
struct Fixed {
  std::string_view path;
  std::string_view value;  ///< JSON
};
constexpr std::array fixed = {
    Fixed{"disableLocalAuth", "false"},
    Fixed{"disableDeviceSAS", "false"},
    Fixed{"disableModuleSAS", "false"},
    Fixed{"publicNetworkAccess", "\"Enabled\""},
    Fixed{"restrictOutboundNetworkAccess", "false"},
    Fixed{"networkRuleSets", "null"},
    Fixed{"encryption", "null"},
    Fixed{"minTlsVersion", "\"1.2\""},
};

struct Setting {
  std::string_view path;  ///< or the beginning of it
  std::string_view name;
};
constexpr std::array settings = {
    Setting{"eventHubEndpoints.events.retentionTimeInDays", "events.retention_hours"},
    Setting{"eventHubEndpoints.events.partitionCount", "events.partitions"},
    Setting{"cloudToDevice.maxDeliveryCount", "c2d.max_delivery_count"},
    Setting{"cloudToDevice.defaultTtlAsIso8601", "c2d.ttl_default_seconds"},
    Setting{"cloudToDevice.feedback", "c2d.feedback_batch_seconds"},
    Setting{"routing.routes", "[[routes]]"},
    Setting{"routing.fallbackRoute", "[fallback]"},
    Setting{"routing.endpoints", "[[endpoints]]"},
    Setting{"routing.enrichments", "[[enrichments]]"},
};

/// Where a difference counts also when the hub is described anew.
constexpr std::array binding = {std::string_view("routing."), std::string_view("ipFilterRules"),
                                std::string_view("allowedFqdnList"), std::string_view("storageEndpoints.")};

bool is_empty(json::Value value) {
  switch (value.kind()) {
    case json::Kind::null:
      return true;
    case json::Kind::object:
      return std::all_of(value.begin(), value.end(), is_empty);
    case json::Kind::array:
      return value.empty();
    case json::Kind::string:
      return value.text() == "\"\"";
    default:
      return false;
  }
}

bool same_value(json::Value sent, json::Value shown);

bool same_members(json::Value sent, json::Value shown) {
  return std::all_of(sent.begin(), sent.end(), [&](json::Value member) {
    const auto counterpart = shown.find(json::unescape(member.key_text()));
    return counterpart ? same_value(member, *counterpart) : is_empty(member);
  });
}

bool same_value(json::Value sent, json::Value shown) {
  if (sent.is_null()) return true;
  if (sent.kind() != shown.kind()) return false;
  if (sent.is_object()) return same_members(sent, shown);
  if (sent.kind() == json::Kind::array) {
    auto other = shown.begin();
    for (const json::Value element : sent) {
      if (other == shown.end() || !same_value(element, *other)) return false;
      ++other;
    }
    return other == shown.end();
  }
  if (sent.text() == shown.text()) return true;
  if (sent.kind() != json::Kind::string) return false;
  const auto duration = seconds_of_duration(*sent.string());
  return duration && duration == seconds_of_duration(*shown.string());
}

/// Looks for the first property that the hub would have to change for.
class Comparison {
 public:
  explicit Comparison(PutKind kind) : kind_(kind) {}

  /// nullopt: there is none.
  std::optional<std::string> first_difference(json::Value sent, std::optional<json::Value> shown,
                                              const std::string& path) {
    if (sent.is_null() || std::find(passed_over.begin(), passed_over.end(), path) != passed_over.end())
      return std::nullopt;
    if (!shown) return unknown(sent, path) ? std::nullopt : std::optional(path);
    if (!sent.is_object() || !shown->is_object())
      return same_value(sent, *shown) || !counts(sent, path) ? std::nullopt : std::optional(path);
    for (const json::Value member : sent) {
      const std::string key = json::unescape(member.key_text());
      if (auto found = first_difference(member, shown->find(key), path.empty() ? key : path + "." + key)) return found;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool counts(json::Value sent, std::string_view path) const {
    if (kind_ == PutKind::update) return true;
    return !is_empty(sent) && std::any_of(binding.begin(), binding.end(), [&](std::string_view prefix) {
      return path.starts_with(prefix) && path != "storageEndpoints.$default.sasTtlAsIso8601";
    });
  }

  /// Whether a property that the hub does not show may be passed over: newer clients send ones that nobody knows yet.
  [[nodiscard]] static bool unknown(json::Value sent, std::string_view path) {
    for (const Fixed& known : fixed) {
      if (known.path == path) return sent.text() == known.value;
    }
    return is_empty(sent) || !path.starts_with("routing.");
  }

  const PutKind kind_;
};

}  // namespace

std::optional<std::uint64_t> seconds_of_duration(std::string_view text) {
  if (text.size() < 3 || text.front() != 'P') return std::nullopt;
  constexpr std::size_t digits_max = 9;
  std::uint64_t seconds = 0;
  bool in_time = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == 'T' && !in_time) {
      in_time = true;
      continue;
    }
    std::uint64_t number = 0;
    const std::size_t begin = i;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
      number = number * 10 + static_cast<unsigned>(text[i] - '0');
    if (i == begin || i - begin > digits_max || i == text.size()) return std::nullopt;
    const char unit = text[i];
    if (unit == 'D' && !in_time) {
      seconds += number * 86'400;
    } else if (in_time && (unit == 'H' || unit == 'M' || unit == 'S')) {
      seconds += number * (unit == 'H' ? 3600U : unit == 'M' ? 60U : 1U);
    } else {
      return std::nullopt;
    }
  }
  return seconds;
}

std::optional<ArmAnswer> check_properties(json::Value properties, const ArmContext& context, const HubLabels& hub,
                                          PutKind kind) {
  const auto shown = json::parse(hub_properties(context, hub, ""));
  if (!shown) return refusal(shown.error(), hub.name);
  const auto path = Comparison(kind).first_difference(properties, shown->root(), "");
  if (!path) return std::nullopt;
  for (const Setting& setting : settings) {
    if (path->starts_with(setting.path))
      return refusal(400, "InvalidRequestContent",
                     "properties." + *path + " is not changed from here: it is `" + std::string(setting.name) +
                         "` in the hub's settings file.");
  }
  return refusal(400, "InvalidRequestContent",
                 "properties." + *path + " cannot be changed: the hub has no such choice.");
}

}  // namespace twinhub::management
