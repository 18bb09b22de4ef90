#include "server/hub/telemetry.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "server/hub/answer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace twinhub::hub {
namespace {

/// What a system property is called on the topic, and by back ends. An empty name: not the sender's to say, dropped.
/// Source: edgeHub SystemProperties.cs; azure-iot-sdk-c uamqp_messaging.c for the tracing names.
struct SystemName {
  std::string_view on_topic;
  std::string_view at_back_end;
};
constexpr std::size_t message_id_bytes_max = 128;

constexpr std::array system_names{
    SystemName{"$.mid", "message-id"},
    SystemName{"$.cid", "correlation-id"},
    SystemName{"$.uid", "user-id"},
    SystemName{"$.ct", "content-type"},
    SystemName{"$.ce", "content-encoding"},
    SystemName{"$.ctime", "iothub-creation-time-utc"},
    SystemName{"$.on", "iothub-outputname"},
    SystemName{"$.sub", "dt-subject"},
    SystemName{"$.ifid", "iothub-interface-id"},
    SystemName{"$.schema", "iothub-message-schema"},
    SystemName{"$.diagid", "Diagnostic-Id"},
    SystemName{"$.diagctx", "Correlation-Context"},
    SystemName{"iothub-operation", "iothub-operation"},
    SystemName{"iothub-ack", "iothub-ack"},
    SystemName{"$.cdid", ""},
    SystemName{"$.cmid", ""},
    SystemName{"$.to", ""},
    SystemName{"$.exp", ""},
};

void set(std::vector<iothub::Property>& properties, std::string_view name, std::optional<std::string> value) {
  const auto known = std::find_if(properties.begin(), properties.end(), [&](const auto& p) { return p.name == name; });
  if (known != properties.end()) {
    known->value = std::move(value);
  } else {
    properties.push_back({std::string(name), std::move(value)});
  }
}

void sort_properties(std::vector<iothub::Property> bag, storage::Event& event) {
  for (iothub::Property& property : bag) {
    const auto row = std::find_if(system_names.begin(), system_names.end(),
                                  [&](const SystemName& names) { return names.on_topic == property.name; });
    if (row == system_names.end()) {
      event.application.push_back(std::move(property));
    } else if (!row->at_back_end.empty()) {
      set(event.system, row->at_back_end, std::move(property.value));
    }
  }
}

/// Body, values of system properties, names and values of application properties.
std::size_t counted_bytes(const storage::Event& event) {
  std::size_t bytes = event.body.size();
  for (const auto& property : event.system) bytes += property.value ? property.value->size() : 0;
  for (const auto& property : event.application) {
    bytes += property.name.size() + (property.value ? property.value->size() : 0);
  }
  return bytes;
}

Result<void> check(const storage::Event& event) {
  if (counted_bytes(event) > telemetry_bytes_max) {
    return fail(Errc::message_too_large,
                "A message may have " + std::to_string(telemetry_bytes_max) + " bytes, properties included");
  }
  for (const auto& property : event.system) {
    if (property.name != "message-id" || !property.value || property.value->size() <= message_id_bytes_max) continue;
    return fail(Errc::argument_invalid, "A message-id may have 128 characters");
  }
  return {};
}

/// What the hub knows better than the sender. (`event.enqueued` is iothub-enqueuedtime.)
void stamp(storage::Event& event, const DeviceLogin& login, const TelemetryMessage& message) {
  set(event.system, "iothub-connection-device-id", login.id.device);
  if (login.id.is_module()) set(event.system, "iothub-connection-module-id", login.id.module);
  set(event.system, "iothub-connection-auth-method", login.auth_method());
  set(event.system, "iothub-connection-auth-generation-id", login.generation_id);
  set(event.system, "iothub-message-source", "Telemetry");
  if (!message.model_id.empty()) set(event.system, "dt-dataschema", std::string(message.model_id));
  if (message.retain) set(event.application, "mqtt-retain", "true");
  if (message.dup) set(event.application, "mqtt-dup", "true");
  if (message.is_will) set(event.application, "iothub-MessageType", "Will");
}

}  // namespace

Telemetry::Telemetry(storage::Store& store, const Clock& clock, Presence& presence)
    : store_(store), clock_(clock), presence_(presence) {}

void Telemetry::ingest(const DeviceLogin& login, const TelemetryMessage& message, Done<void> done) {
  presence_.used(login.id);
  // A body beyond the limit is refused before its copy is made.
  if (message.body.size() > telemetry_bytes_max) {
    return answer_now<void>(fail(Errc::message_too_large, "The message's body is larger than 262144 bytes"), done);
  }
  storage::Event event;
  event.source = storage::EventSource::telemetry;
  event.id = login.id;
  event.enqueued = clock_.now();
  event.body = message.body;
  sort_properties(iothub::parse_property_bag(message.property_bag), event);
  if (auto checked = check(event); !checked) return answer_now<void>(std::move(checked), done);
  stamp(event, login, message);

  const auto queued =
      store_.append_event(std::move(event), [done](const Result<void>& durable, storage::Outbox& outbox) {
        done(durable ? Result<void>() : Result<void>(unavailable()), outbox);
      });
  if (!queued) answer_now<void>(unavailable(), done);
}

}  // namespace twinhub::hub
