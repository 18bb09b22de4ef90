#include "protocol/twin/change_notice.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "protocol/twin/limits.hpp"
#include "protocol/twin/metadata.hpp"

namespace twinhub::twin {
namespace {

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

void append_fresh_metadata(std::string& out, const json::Value& value, std::string_view time,
                           std::string_view desired_version, bool is_root) {
  append_stamp(out, time, desired_version);
  if (value.is_object()) {
    for (const json::Value member : value) {
      if (member.is_null() || (is_root && is_hub_member(member.key_text()))) continue;
      out.append(",\"").append(member.key_text()).append("\":");
      append_fresh_metadata(out, member, time, desired_version, false);
    }
  }
  out += '}';
}

Result<void> append_changed(std::string& out, std::string_view name, const SectionChange& change, Timestamp now,
                            bool with_versions) {
  const auto document = json::parse(change.text);
  if (!document) return document.error();
  out.append("\"").append(name).append("\":{");
  for (const json::Value member : document->root()) {
    if (is_hub_member(member.key_text())) continue;
    out.append("\"").append(member.key_text()).append("\":").append(member.text()).append(",");
  }
  const std::string version = std::to_string(change.version);
  out += R"("$metadata":)";
  append_fresh_metadata(out, document->root(), to_iso8601(now), with_versions ? version : "", true);
  out.append(R"(,"$version":)").append(version).append("}");
  return {};
}

void append_section(std::string& out, const Section& section, bool with_versions) {
  out += '{';
  if (section.text.size() > 2) out.append(section.text, 1, section.text.size() - 2).append(",");
  out += R"("$metadata":)";
  append_metadata(out, section, with_versions);
  out += R"(,"$version":)" + std::to_string(section.version) + "}";
}

/// A whole twin, without its tags when there are none.
std::string whole_twin(const IdentityId& id, const Twin& twin, std::string_view device_scope = {}) {
  std::string out = "{";
  append_ids(out, id);
  if (!device_scope.empty()) {
    out += R"(,"deviceScope":)";
    json::append_string(out, device_scope);
  }
  out += R"(,"etag":")" + twin_etag(twin.etag_counter) + R"(","version":)" + std::to_string(twin.version());
  if (twin.tags.size() > 2) out.append(R"(,"tags":)").append(twin.tags);
  out += R"(,"properties":{"desired":)";
  append_section(out, twin.desired, true);
  out += R"(,"reported":)";
  append_section(out, twin.reported, false);
  return out + "}}";
}

}  // namespace

Result<std::string> change_notice(const Change& change, Timestamp now) {
  std::string out = R"({"version":)" + std::to_string(change.version);
  if (!change.tags.empty()) out.append(R"(,"tags":)").append(change.tags);
  if (change.desired || change.reported) {
    out += R"(,"properties":{)";
    if (change.desired) {
      if (const auto told = append_changed(out, "desired", *change.desired, now, true); !told) return told.error();
    }
    if (change.reported) {
      if (change.desired) out += ',';
      if (const auto told = append_changed(out, "reported", *change.reported, now, false); !told) return told.error();
    }
    out += '}';
  }
  out += '}';
  return out;
}

std::string replacement_notice(const IdentityId& id, const Twin& after) { return whole_twin(id, after); }

std::string lifecycle_notice(const IdentityId& id, std::string_view device_scope) {
  return lifecycle_notice(id, make_twin({}), device_scope);
}

std::string lifecycle_notice(const IdentityId& id, const Twin& twin, std::string_view device_scope) {
  return whole_twin(id, twin, device_scope);
}

}  // namespace twinhub::twin
