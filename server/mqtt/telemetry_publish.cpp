// Telemetry: messages that a device publishes to the event log, its will among them, and the faults that a test may
// order by such a message. Over a rate, the connection is not read for a while, and PUBACKs wait as long; a device that
// goes on is disconnected, for there is no error answer to telemetry. Source: azure-docs iot-mqtt-connect-to-iot-hub,
// iot-hub-devguide-quotas-throttling.
#include "protocol/iothub/connect_fields.hpp"
#include "server/base/log.hpp"
#include "server/mqtt/hub_device.hpp"
#include "server/mqtt/when_done.hpp"

namespace twinhub::mqtt_door {

void HubDevice::ingest(const iothub::TelemetryTopic& topic, const mqtt::Publish& publish,
                       std::optional<AckNumber> ack) {
  if (take_fault(topic.property_bag, publish, ack)) return;
  const std::size_t bytes = topic.property_bag.size() + publish.payload.size();
  if (!admit_telemetry(bytes)) return;
  hub().telemetry.ingest(login_,
                         {.property_bag = topic.property_bag,
                          .body = publish.payload,
                          .retain = publish.retain,
                          .dup = publish.dup,
                          .is_will = false,
                          .model_id = model_id_},
                         when_done<void>(
                             hub::Operation::telemetry,
                             [ack](HubDevice& self, const Result<void>& stored) {
                               // Without PUBACK the client sends it again.
                               if (!stored) {
                                 return self.connection_.close(stored.error().code == Errc::service_unavailable
                                                                   ? CloseReason::store_failed
                                                                   : CloseReason::protocol_fault);
                               }
                               if (ack) self.connection_.acknowledge(*ack);
                             },
                             bytes));
}

bool HubDevice::admit_telemetry(std::size_t bytes) {
  const auto admission = hub().gate.admit(login_.id, hub::Operation::telemetry, bytes);
  if (admission.refusal != hub::Refusal::none) {
    connection_.close(CloseReason::throttled);
    return false;
  }
  connection_.sleep(admission.wait);
  return true;
}

/// True when the message orders a fault, and is therefore no telemetry.
bool HubDevice::take_fault(std::string_view property_bag, const mqtt::Publish& publish, std::optional<AckNumber> ack) {
  if (!hub().gate.obeys_faults()) return false;
  const auto fault = hub::parse_fault(property_bag, publish.payload);
  if (!fault) return false;
  const IdentityId& id = login_.id;
  if (!hub().gate.is_new(id, *fault)) {
    if (ack) connection_.acknowledge(*ack);  // sent again because it had not been acknowledged: once is enough
    return true;
  }
  if (ack) connection_.drop_last_ack();
  const std::string name = iothub::client_id_of(id);
  log::info({.event = "fault_injected", .device = name}, "{}: a fault is injected in {} ms", name,
            fault->delay.count());
  const auto strike = [&lane = lane(), number = connection_.id(), id, fault = *fault] {
    lane.hub().gate.strike(id, fault);
    Connection* connection = lane.find(number);
    if (connection == nullptr) return;
    connection->close(fault.type == hub::FaultType::kill_tcp ? CloseReason::cut : CloseReason::injected_fault);
  };
  if (fault->delay.count() == 0) {
    strike();
  } else if (!lane().run_fault_after(fault->delay, strike)) {
    connection_.close(CloseReason::throttled);
  }
  return true;
}

void HubDevice::publish_will() {
  const auto topic = iothub::parse_device_topic(will_->topic, login_.id);
  const auto* telemetry = topic ? std::get_if<iothub::TelemetryTopic>(&*topic) : nullptr;
  if (telemetry == nullptr) return;  // not its own: dropped when it would be sent
  // A message like any other: it counts, and over a limit it is lost.
  const std::size_t bytes = telemetry->property_bag.size() + will_->message.size();
  const auto admission = hub().gate.admit(login_.id, hub::Operation::telemetry, bytes);
  if (admission.refusal != hub::Refusal::none) return;
  hub().telemetry.ingest(login_,
                         {.property_bag = telemetry->property_bag,
                          .body = will_->message,
                          .retain = will_->retain,
                          .dup = false,
                          .is_will = true,
                          .model_id = model_id_},
                         [](const Result<void>&, storage::Outbox&) {});
}

}  // namespace twinhub::mqtt_door
