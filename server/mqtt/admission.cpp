// What the hub's gate says, done to a connection: traffic shaping, refusals, injected faults. A device that goes over a
// limit is not read for a while, and what it is owed (PUBACK, CONNACK, twin answers) waits as long; one that goes on is
// refused as IoT Hub does it: telemetry by ending the connection, twin requests by an answer of 429.
#include "protocol/iothub/connect_fields.hpp"
#include "server/mqtt/connection.hpp"
#include "server/mqtt/door_lane.hpp"

#include <spdlog/spdlog.h>

namespace twinhub::mqtt_door {

std::optional<Connection::Refusal> Connection::admit_connect(const IdentityId& id) {
  hub::Gate& gate = lane_.hub().gate;
  const auto admission = gate.admit(id, hub::Operation::connect);
  sleep(admission.wait);
  if (admission.refusal == hub::Refusal::none) return std::nullopt;
  const bool unauthorized = admission.refusal == hub::Refusal::unauthorized;
  return Refusal{unauthorized ? mqtt::ReturnCode::not_authorized : mqtt::ReturnCode::server_unavailable,
                 gate.error_of(admission.refusal, hub::Operation::connect).detail};
}

bool Connection::admit_telemetry(std::size_t bytes) {
  const auto admission = lane_.hub().gate.admit(device_->login.id, hub::Operation::telemetry, bytes);
  if (admission.refusal != hub::Refusal::none) {
    close(CloseReason::throttled);
    return false;
  }
  sleep(admission.wait);
  return true;
}

bool Connection::admit_twin_request(hub::Operation operation, std::string_view rid, std::size_t bytes) {
  hub::Gate& gate = lane_.hub().gate;
  const auto admission = gate.admit(device_->login.id, operation, bytes);
  if (admission.refusal != hub::Refusal::none) {
    answer_error(rid, gate.error_of(admission.refusal, operation));
    return false;
  }
  sleep(admission.wait);
  return true;
}

void Connection::sleep(std::chrono::microseconds time) {
  if (time.count() == 0 || stopping_) return;
  asleep_ = true;
  update_interest();
  lane_.run_after(time, [handle = handle()] {
    if (Connection* connection = handle.lane->find(handle.connection)) connection->wake();
  });
}

void Connection::wake() {
  if (closed_ || !asleep_) return;
  asleep_ = false;
  last_received_ = Clock::now();  // it was not listened to
  update_interest();
  if (!out_.empty()) wrote();
}

/// True when the message orders a fault, and is therefore no telemetry.
bool Connection::take_fault(std::string_view property_bag, const mqtt::Publish& publish, std::optional<AckNumber> ack) {
  if (!lane_.hub().gate.obeys_faults()) return false;
  const auto fault = hub::parse_fault(property_bag, publish.payload);
  if (!fault) return false;
  const IdentityId& id = device_->login.id;
  if (!lane_.hub().gate.is_new(id, *fault)) {
    if (ack) acknowledge(*ack);  // sent again because it had not been acknowledged: once is enough
    return true;
  }
  // Never acknowledged, it does not hold up those behind it.
  if (ack) acks_->waiting.pop_back();
  if (acks_ && acks_->waiting.empty()) acks_.reset();
  spdlog::info("{}: a fault is injected in {} ms", iothub::client_id_of(id), fault->delay.count());
  const auto strike = [handle = handle(), id, fault = *fault] {
    handle.lane->hub().gate.strike(id, fault);
    Connection* connection = handle.lane->find(handle.connection);
    if (connection == nullptr) return;
    connection->close(fault.type == hub::FaultType::kill_tcp ? CloseReason::cut : CloseReason::injected_fault);
  };
  if (fault->delay.count() == 0) {
    strike();
  } else if (!lane_.run_fault_after(fault->delay, strike)) {
    close(CloseReason::throttled);
  }
  return true;
}

}  // namespace twinhub::mqtt_door
