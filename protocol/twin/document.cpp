#include "protocol/twin/document.hpp"

#include "protocol/json/text.hpp"
#include "protocol/twin/metadata.hpp"

#include <algorithm>
#include <string_view>

namespace twinhub::twin {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
  json::append_key(out, name);
  json::append_string(out, text);
  out += ',';
}

void append_nullable(std::string& out, std::string_view name, std::string_view text) {
  json::append_key(out, name);
  if (text.empty()) {
    out += "null";
  } else {
    json::append_string(out, text);
  }
}

/// The members of an object's text, followed by a comma when there are any.
void append_members(std::string& out, std::string_view object) {
  if (object.size() <= 2) return;
  out += object.substr(1, object.size() - 2);
  out += ',';
}

void append_section(std::string& out, const Section& section, bool with_versions) {
  out += '{';
  append_members(out, section.text);
  out += R"("$metadata":)";
  append_metadata(out, section, with_versions);
  out += R"(,"$version":)";
  out += std::to_string(section.version);
  out += '}';
}

void append_identity_facts(std::string& out, const iothub::Identity& identity, const iothub::Activity& activity) {
  append_member(out, "deviceEtag", identity_etag(identity.etag));
  append_member(out, "status", iothub::to_string(identity.status));
  if (identity.status_reason) append_member(out, "statusReason", *identity.status_reason);
  append_member(out, "statusUpdateTime", to_iso8601(identity.status_updated));
  append_member(out, "connectionState", activity.connected ? "Connected" : "Disconnected");
  append_member(out, "lastActivityTime", to_iso8601(activity.last_activity));
  out += R"("cloudToDeviceMessageCount":)" + std::to_string(activity.cloud_to_device_message_count) + ",";
  append_member(out, "authenticationType", iothub::to_string(identity.authentication));
  out += R"("x509Thumbprint":{)";
  append_nullable(out, "primaryThumbprint", identity.primary_thumbprint);
  out += ',';
  append_nullable(out, "secondaryThumbprint", identity.secondary_thumbprint);
  out += "},";
}

void append_edge_facts(std::string& out, const iothub::Identity& identity) {
  if (!identity.id.is_module()) {
    out += R"(,"capabilities":{"iotEdge":)";
    out += identity.iot_edge ? "true}" : "false}";
  }
  if (!identity.device_scope.empty()) {
    out += R"(,"deviceScope":)";
    json::append_string(out, identity.device_scope);
  }
  if (identity.parent_scopes.empty()) return;
  out += R"(,"parentScopes":[)";
  for (const std::string& scope : identity.parent_scopes) {
    if (out.back() != '[') out += ',';
    json::append_string(out, scope);
  }
  out += ']';
}

}  // namespace

Twin make_twin(Timestamp now) {
  Twin twin;
  twin.desired.stamps = {{now, 0}};
  twin.reported.stamps = {{now, 0}};
  return twin;
}

void count_as_created(Twin& twin) {
  const Twin fresh;
  twin.etag_counter = fresh.etag_counter;
  for (Section* section : {&twin.desired, &twin.reported}) {
    section->version = Section().version;
    for (Stamp& stamp : section->stamps) stamp.version = std::min(stamp.version, section->version);
  }
}

std::string service_view(const Twin& twin, const iothub::Identity& identity, const iothub::Activity& activity,
                         bool show_model_id) {
  std::string out = "{";
  out.reserve(1024 + twin.tags.size() + 6 * (twin.desired.text.size() + twin.reported.text.size()));
  append_member(out, "deviceId", identity.id.device);
  if (identity.id.is_module()) append_member(out, "moduleId", identity.id.module);
  append_member(out, "etag", twin_etag(twin.etag_counter));
  append_identity_facts(out, identity, activity);
  if (show_model_id) append_member(out, "modelId", twin.model_id);
  out += R"("version":)" + std::to_string(twin.version()) + ",";
  if (twin.tags.size() > 2) out += R"("tags":)" + twin.tags + ",";
  out += R"("properties":{"desired":)";
  append_section(out, twin.desired, true);
  out += R"(,"reported":)";
  append_section(out, twin.reported, false);
  out += '}';
  if (twin.configurations.size() > 2) out += R"(,"configurations":)" + twin.configurations;
  append_edge_facts(out, identity);
  out += '}';
  return out;
}

std::string device_view(const Twin& twin) {
  std::string out = R"({"desired":{)";
  out.reserve(64 + twin.desired.text.size() + twin.reported.text.size());
  append_members(out, twin.desired.text);
  out += R"("$version":)" + std::to_string(twin.desired.version);
  out += R"(},"reported":{)";
  append_members(out, twin.reported.text);
  out += R"("$version":)" + std::to_string(twin.reported.version) + "}}";
  return out;
}

}  // namespace twinhub::twin
