#include "server/events/cloud_event.hpp"

namespace twinhub::events {
namespace {

std::string_view application_property(const storage::Event& event, std::string_view name) {
  for (const auto& property : event.application) {
    if (property.name == name && property.value) return *property.value;
  }
  return "";
}

std::string_view type_of(const storage::Event& event) {
  const std::string_view operation = application_property(event, "opType");
  switch (event.source) {
    case storage::EventSource::telemetry:
      return "Microsoft.Devices.DeviceTelemetry";
    case storage::EventSource::device_lifecycle:
      return operation == "deleteDeviceIdentity" || operation == "deleteModuleIdentity"
                 ? "Microsoft.Devices.DeviceDeleted"
                 : "Microsoft.Devices.DeviceCreated";
    case storage::EventSource::connection_state:
      return operation == "deviceDisconnected" || operation == "moduleDisconnected"
                 ? "Microsoft.Devices.DeviceDisconnected"
                 : "Microsoft.Devices.DeviceConnected";
    case storage::EventSource::twin_change:
      break;
  }
  return "twinhub.Devices.TwinChanged";
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  out.append("\"").append(name).append("\":");
  append_text(out, value);
}

/// Telemetry shows everything; the others name the device and show their body under its Event Grid name.
void append_data(std::string& out, const storage::Event& event, const std::string& hub_name) {
  out += '{';
  if (event.source == storage::EventSource::telemetry) {
    out += R"("properties":)";
    append_properties(out, event.application);
    out += R"(,"systemProperties":)";
    append_properties(out, event.system);
    out += ',';
    append_body(out, event);
  } else {
    append_member(out, "deviceId", event.id.device);
    if (event.id.is_module()) append_member(out, "moduleId", event.id.module);
    append_member(out, "hubName", hub_name);
    append_member(out, "opType", application_property(event, "opType"));
    std::string body;
    if (!json_body(event, body)) body = "null";
    out += event.source == storage::EventSource::connection_state ? R"(,"deviceConnectionStateEventInfo":)"
                                                                  : R"(,"twin":)";
    out += body;
  }
  out += '}';
}

}  // namespace

void append_cloud_event(std::string& out, const Outgoing& outgoing, const std::string& hub_name) {
  const storage::Event& event = outgoing.event;
  out += '{';
  append_member(out, "specversion", "1.0");
  append_member(out, "id", std::to_string(outgoing.partition) + "-" + std::to_string(outgoing.sequence_number));
  append_member(out, "source", "/" + hub_name);
  append_member(out, "type", type_of(event));
  append_member(out, "subject", subject_of(event.id));
  append_member(out, "time", to_iso8601(event.enqueued));
  append_member(out, "datacontenttype", "application/json");
  out += R"(,"data":)";
  append_data(out, event, hub_name);
  out += '}';
}

}  // namespace twinhub::events
