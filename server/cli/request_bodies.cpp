#include "server/cli/request_bodies.hpp"

#include "protocol/json/text.hpp"
#include "server/cli/text_output.hpp"
#include "server/cli/twin.hpp"

#include <utility>

namespace twinhub::cli {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (out.back() != '{') out += ',';
  json::append_key(out, name);
  json::append_string(out, text);
}

}  // namespace

std::string json_text(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

std::string new_device_body(const NewDevice& device) {
  std::string body = "{";
  append_member(body, "deviceId", device.id);
  if (device.authentication == "sas") return body + "}";
  body += R"(,"authentication":{)";
  append_member(body, "type", device.authentication == "ca" ? "certificateAuthority" : "selfSigned");
  if (!device.thumbprints.empty()) {
    body += R"(,"x509Thumbprint":{)";
    append_member(body, "primaryThumbprint", device.thumbprints.front());
    if (device.thumbprints.size() > 1) append_member(body, "secondaryThumbprint", device.thumbprints[1]);
    body += '}';
  }
  return body + "}}";
}

std::string updated_identity(const json::Value& identity, const DeviceUpdate& update) {
  std::string text(identity.text());
  const auto set = [&text](std::string_view name, std::string_view value) {
    const auto document = json::parse(text);
    if (document) text = with_member(document->root(), name, value);
  };
  if (!update.status.empty()) set("status", json_text(update.status));
  if (update.sets_reason) set("statusReason", update.reason.empty() ? "null" : json_text(update.reason));
  if (update.primary_key.empty() && update.secondary_key.empty()) return text;
  const auto key = [&](const std::string& wanted, std::string_view name) {
    return json_text(wanted.empty() ? cell_of(value_at(identity, {"authentication", "symmetricKey", name})) : wanted);
  };
  set("authentication", R"({"type":"sas","symmetricKey":{"primaryKey":)" + key(update.primary_key, "primaryKey") +
                            R"(,"secondaryKey":)" + key(update.secondary_key, "secondaryKey") + "}}");
  return text;
}

Result<std::string> job_body(const NewJob& job) {
  std::string body = R"({"jobId":)" + json_text(job.id) + R"(,"queryCondition":)" + json_text(job.where);
  body += R"(,"maxExecutionTimeInSeconds":)" + std::to_string(job.max_seconds);
  if (!job.start.empty()) body += R"(,"startTime":)" + json_text(job.start);
  if (job.method.empty()) {
    const auto patch = patch_of(job.assignments);
    if (!patch) return patch.error();
    const auto document = json::parse(*patch);
    return body + R"(,"type":"scheduleUpdateTwin","updateTwin":)" + with_member(document->root(), "etag", R"("*")") +
           "}";
  }
  const auto payload = json::parse(job.payload);
  if (!payload) return fail(Errc::argument_invalid, "the payload is not JSON (a string needs its quotes)");
  return body + R"(,"type":"scheduleDeviceMethod","cloudToDeviceMethod":{"methodName":)" + json_text(job.method) +
         R"(,"payload":)" + payload->text() + R"(,"responseTimeoutInSeconds":)" + std::to_string(job.timeout_seconds) +
         "}}";
}

Result<std::string> configuration_body(std::string text, const ConfigurationSet& options) {
  const auto set = [&text](std::string_view name, const std::string& value) -> Result<void> {
    const auto document = json::parse(text);
    if (!document) return document.error();
    if (!document->root().is_object()) return fail(Errc::argument_invalid, "it is no JSON object");
    text = with_member(document->root(), name, value);
    return {};
  };
  for (const auto& [name, value] : {std::pair<std::string_view, std::string>{"id", json_text(options.id)},
                                    {"targetCondition", options.target.empty() ? "" : json_text(options.target)},
                                    {"priority", options.priority}}) {
    if (value.empty()) continue;
    if (const auto done = set(name, value); !done)
      return fail(Errc::argument_invalid, options.file + ": " + done.error().detail);
  }
  return text;
}

}  // namespace twinhub::cli
