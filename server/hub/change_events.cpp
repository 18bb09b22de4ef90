#include "server/hub/change_events.hpp"

#include "protocol/json/text.hpp"
#include "protocol/twin/limits.hpp"
#include "protocol/twin/metadata.hpp"

#include <utility>

namespace twinhub::hub {
namespace {

struct Kind {
  storage::EventSource source;
  std::string_view source_name;
  std::string_view schema;
};
constexpr Kind twin_change{storage::EventSource::twin_change, "twinChangeEvents", "twinChangeNotification"};
constexpr Kind lifecycle{storage::EventSource::device_lifecycle, "deviceLifecycleEvents",
                         "deviceLifecycleNotification"};
constexpr Kind connection_state{storage::EventSource::connection_state, "deviceConnectionStateEvents",
                                "deviceConnectionStateNotification"};

/// .NET's round-trip form, as IoT Hub writes operationTimestamp: always seven fractional digits.
std::string operation_timestamp(Timestamp at) {
  constexpr std::size_t size_with_fraction = std::string_view("2026-11-23T05:40:00.1234567Z").size();
  std::string text = to_iso8601(at);
  text.pop_back();
  if (text.find('.') == std::string::npos) text += '.';
  text.resize(size_with_fraction - 1, '0');
  return text + 'Z';
}

/// Ties an event to log lines of the same moment; eight hex digits.
std::string correlation_id(const IdentityId& id, Timestamp now) {
  constexpr std::string_view hex_digits = "0123456789abcdef";
  std::uint64_t mixed = (now.ticks ^ std::hash<IdentityId>{}(id)) * 0x9E37'79B9'7F4A'7C15ULL;
  std::string text;
  for (int i = 0; i < 8; ++i, mixed <<= 4) text += hex_digits[mixed >> 60];
  return text;
}

/// `at`: when it happened; `now`: when it is told.
storage::Event make_event(const Kind& kind, const IdentityId& id, std::string_view operation, Timestamp at,
                          Timestamp now, std::string body) {
  storage::Event event;
  event.source = kind.source;
  event.id = id;
  event.enqueued = now;
  event.body = std::move(body);
  event.system = {{"content-type", "application/json"},
                  {"content-encoding", "utf-8"},
                  {"correlation-id", correlation_id(id, now)},
                  {"iothub-connection-device-id", id.device}};
  if (id.is_module()) event.system.push_back({"iothub-connection-module-id", id.module});
  event.system.push_back({"iothub-message-source", std::string(kind.source_name)});
  event.application = {{"deviceId", id.device}};
  if (id.is_module()) event.application.push_back({"moduleId", id.module});
  event.application.push_back({"opType", std::string(operation)});
  event.application.push_back({"iothub-message-schema", std::string(kind.schema)});
  event.application.push_back({"operationTimestamp", operation_timestamp(at)});
  return event;
}

void append_ids(std::string& out, const IdentityId& id) {
  out += R"("deviceId":)";
  json::append_string(out, id.device);
  if (!id.is_module()) return;
  out += R"(,"moduleId":)";
  json::append_string(out, id.module);
}

/// The stamp of one node, its braces left open; `desired_version` is text.
void append_stamp(std::string& out, std::string_view time, std::string_view desired_version) {
  out.append(R"({"$lastUpdated":")").append(time).append("\"");
  if (!desired_version.empty()) out.append(R"(,"$lastUpdatedVersion":)").append(desired_version);
}

/// All that a write names has that write's stamp; what it removes (null) has none any more.
void append_fresh_metadata(std::string& out, const json::Value& value, std::string_view time,
                           std::string_view desired_version, bool is_root) {
  append_stamp(out, time, desired_version);
  if (value.is_object()) {
    for (const json::Value member : value) {
      if (member.is_null() || (is_root && twin::is_hub_member(member.key_text()))) continue;
      out.append(",\"").append(member.key_text()).append("\":");
      append_fresh_metadata(out, member, time, desired_version, false);
    }
  }
  out += '}';
}

void append_section(std::string& out, const twin::Section& section, bool with_versions) {
  out += '{';
  if (section.text.size() > 2) out.append(section.text, 1, section.text.size() - 2).append(",");
  out += R"("$metadata":)";
  twin::append_metadata(out, section, with_versions);
  out += R"(,"$version":)" + std::to_string(section.version) + "}";
}

/// The twin that an identity starts with; its times are the null date in both life-cycle events.
std::string lifecycle_body(const IdentityId& id) {
  const twin::Twin fresh = twin::make_twin({});
  std::string out = "{";
  append_ids(out, id);
  out += R"(,"etag":")" + twin_etag(fresh.etag_counter) + R"(","version":)" + std::to_string(fresh.version());
  out += R"(,"properties":{"desired":)";
  append_section(out, fresh.desired, true);
  out += R"(,"reported":)";
  append_section(out, fresh.reported, false);
  return out + "}}";
}

void append_hex(std::string& out, std::uint64_t value, unsigned digits) {
  constexpr std::string_view hex_digits = "0123456789ABCDEF";
  for (unsigned i = digits; i > 0; --i) out += hex_digits[value >> (4 * (i - 1)) & 0xF];
}

/// 256 bits as 64 hex digits, compared as text. Laid out as IoT Hub's are seen to be: a FILETIME (100 ns since 1601) in
/// the second quarter, then a constant and a counter; here the FILETIME alone never repeats.
std::string sequence_number(std::uint64_t sequence) {
  constexpr std::uint64_t filetime_epoch_ticks = 504'911'232'000'000'000;
  std::string text;
  append_hex(text, 0, 16);
  append_hex(text, sequence - filetime_epoch_ticks, 16);
  append_hex(text, 2, 8);
  append_hex(text, 0, 16);
  append_hex(text, 1, 8);
  return text;
}

}  // namespace

storage::Event identity_created_event(const IdentityId& id, Timestamp now) {
  return make_event(lifecycle, id, "createDeviceIdentity", now, now, lifecycle_body(id));
}

storage::Event identity_deleted_event(const IdentityId& id, Timestamp now) {
  return make_event(lifecycle, id, "deleteDeviceIdentity", now, now, lifecycle_body(id));
}

std::string changed_members(const json::Value& section, Timestamp now, std::optional<std::uint64_t> desired_version) {
  std::string out;
  for (const json::Value member : section) {
    if (twin::is_hub_member(member.key_text())) continue;
    out.append("\"").append(member.key_text()).append("\":").append(member.text()).append(",");
  }
  out += R"("$metadata":)";
  append_fresh_metadata(out, section, to_iso8601(now), desired_version ? std::to_string(*desired_version) : "", true);
  return out;
}

storage::Event reported_changed_event(const IdentityId& id, const twin::Twin& after, std::string_view members,
                                      Timestamp now) {
  std::string body = R"({"version":)" + std::to_string(after.version()) + R"(,"properties":{"reported":{)";
  body.append(members);
  body += R"(,"$version":)" + std::to_string(after.reported.version) + "}}}";
  return make_event(twin_change, id, "updateTwin", now, now, std::move(body));
}

storage::Event twin_patched_event(const IdentityId& id, const twin::Twin& after, const std::optional<json::Value>& tags,
                                  const std::optional<std::string>& desired_delta, Timestamp now) {
  std::string body = R"({"version":)" + std::to_string(after.version());
  if (tags && tags->text() != "{}") body.append(R"(,"tags":)").append(tags->text());
  if (desired_delta) {
    if (const auto delta = json::parse(*desired_delta)) {
      body += R"(,"properties":{"desired":{)" + changed_members(delta->root(), now, after.desired.version);
      body += R"(,"$version":)" + std::to_string(after.desired.version) + "}}";
    }
  }
  body += '}';
  return make_event(twin_change, id, "updateTwin", now, now, std::move(body));
}

storage::Event twin_replaced_event(const IdentityId& id, const twin::Twin& after, Timestamp now) {
  std::string body = "{";
  append_ids(body, id);
  body += R"(,"etag":")" + twin_etag(after.etag_counter) + R"(","version":)" + std::to_string(after.version());
  if (after.tags.size() > 2) body.append(R"(,"tags":)").append(after.tags);
  body += R"(,"properties":{"desired":)";
  append_section(body, after.desired, true);
  body += R"(,"reported":)";
  append_section(body, after.reported, false);
  body += "}}";
  return make_event(twin_change, id, "replaceTwin", now, now, std::move(body));
}

storage::Event connection_state_event(const IdentityId& id, bool connected, std::uint64_t sequence, Timestamp at,
                                      Timestamp now) {
  return make_event(connection_state, id, connected ? "deviceConnected" : "deviceDisconnected", at, now,
                    R"({"sequenceNumber":")" + sequence_number(sequence) + "\"}");
}

}  // namespace twinhub::hub
