#include "server/events/outgoing.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "protocol/query/lexer.hpp"

#include <algorithm>
#include <array>

namespace twinhub::events {
namespace {

constexpr std::array names{std::string_view("DeviceMessages"), std::string_view("TwinChangeEvents"),
                           std::string_view("DeviceLifecycleEvents"), std::string_view("DeviceConnectionStateEvents")};

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  append_text(out, value);
}

}  // namespace

std::string_view source_name(storage::EventSource source) { return names[static_cast<std::size_t>(source)]; }

std::optional<storage::EventSource> source_of(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (query::equals_ignoring_case(names[i], name)) return static_cast<storage::EventSource>(i);
  }
  return std::nullopt;
}

std::optional<std::string_view> system_property(const storage::Event& event, std::string_view name) {
  for (const auto& property : event.system) {
    if (property.name == name) return property.value ? std::string_view(*property.value) : std::string_view();
  }
  return std::nullopt;
}

void stamp_hub_name(storage::Event& event, const std::string& hub_name) {
  if (event.source == storage::EventSource::telemetry) return;
  event.system.push_back({"user-id", hub_name});
  event.application.insert(event.application.begin(), {"hubName", hub_name});
}

std::string subject_of(const IdentityId& id) {
  std::string subject = "devices/" + id.device;
  if (id.is_module()) subject += "/modules/" + id.module;
  return subject;
}

void append_text(std::string& out, std::string_view bytes) {
  if (json::is_utf8(bytes)) {
    json::append_string(out, bytes);
  } else {
    json::append_string(out, json::to_utf8(bytes));
  }
}

void append_properties(std::string& out, const std::vector<iothub::Property>& properties) {
  out += '{';
  bool first = true;
  for (const auto& property : properties) {
    if (!first) out += ',';
    first = false;
    append_text(out, property.name);
    out += ':';
    if (property.value) {
      append_text(out, *property.value);
    } else {
      out += "null";
    }
  }
  out += '}';
}

bool json_body(const storage::Event& event, std::string& text) {
  std::string_view type = system_property(event, "content-type").value_or("");
  type = type.substr(0, type.find(';'));
  const std::string_view encoding = system_property(event, "content-encoding").value_or("utf-8");
  const bool says_json = query::equals_ignoring_case(type, "application/json") ||
                         query::equals_ignoring_case(type, "application/json-patch+json");
  const bool says_utf8 =
      query::equals_ignoring_case(encoding, "utf-8") || query::equals_ignoring_case(encoding, "utf8");
  if (!says_json || !says_utf8) return false;
  const auto document = json::parse(event.body);
  if (document) text = document->text();
  return document.has_value();
}

void append_body(std::string& out, const storage::Event& event) {
  std::string text;
  if (json_body(event, text)) {
    out.append(R"("body":)").append(text);
  } else if (json::is_utf8(event.body)) {
    out += R"("body":)";
    json::append_string(out, event.body);
  } else {
    out.append(R"("bodyBase64":")").append(base64_encode(event.body)).append("\"");
  }
}

void append_json(std::string& out, const Outgoing& outgoing) {
  const storage::Event& event = outgoing.event;
  out += R"({"partition":)" + std::to_string(outgoing.partition);
  out += R"(,"sequenceNumber":)" + std::to_string(outgoing.sequence_number);
  append_member(out, "source", source_name(event.source));
  append_member(out, "deviceId", event.id.device);
  if (event.id.is_module()) append_member(out, "moduleId", event.id.module);
  append_member(out, "enqueuedTime", to_iso8601(event.enqueued));
  out += R"(,"systemProperties":)";
  append_properties(out, event.system);
  out += R"(,"properties":)";
  append_properties(out, event.application);
  out += ',';
  append_body(out, event);
  out += '}';
}

std::size_t bytes_of(const storage::Event& event) {
  constexpr std::size_t overhead = 256, per_property = 96;
  std::size_t bytes = overhead + event.body.size() + event.id.device.size() + event.id.module.size();
  for (const auto* properties : {&event.system, &event.application}) {
    for (const auto& property : *properties)
      bytes += per_property + property.name.size() + (property.value ? property.value->size() : 0);
  }
  return bytes;
}

}  // namespace twinhub::events
