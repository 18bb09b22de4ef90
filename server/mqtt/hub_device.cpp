// The topics that a device may publish to, and the end of its connection. A topic that the hub does not serve to it
// ends the connection; a well-formed request with bad content gets an error answer. Source: azure-docs
// iot-mqtt-connect-to-iot-hub; azure-iot-sdk-node mqtt_twin_client.ts.
#include "server/mqtt/hub_device.hpp"

#include <algorithm>

namespace twinhub::mqtt_door {

// With its Connection, what an idle device costs. jemalloc's size class is 320 bytes.
static_assert(sizeof(HubDevice) <= 320);

void HubDevice::on_publish(const mqtt::Publish& publish) {
  const auto topic = iothub::parse_device_topic(publish.topic, login_.id);
  if (!topic) {
    const std::string words = "It published to '" + std::string(publish.topic) + "'.";
    return connection_.close(CloseReason::forbidden_topic, words);
  }
  std::optional<AckNumber> ack;
  if (publish.qos == 1) ack = connection_.expect_ack(publish.packet_id);
  if (const auto* telemetry = std::get_if<iothub::TelemetryTopic>(&*topic)) return ingest(*telemetry, publish, ack);
  // The twin's answer is the acknowledgement that counts; PUBACK only says that the request has come.
  if (ack) connection_.acknowledge(*ack);
  if (const auto* get = std::get_if<iothub::TwinGetTopic>(&*topic)) return get_twin(get->rid);
  if (const auto* patch = std::get_if<iothub::TwinReportedTopic>(&*topic)) {
    return patch_reported(patch->rid, patch->version, publish.payload);
  }
  answer_method(std::get<iothub::MethodResponseTopic>(*topic), publish.payload);
}

wire::Clock::time_point HubDevice::login_deadline() const {
  const auto grace = static_cast<std::uint64_t>(lane().options().token_expiry_grace.count());
  const std::uint64_t now_unix = (hub().clock.wall().ticks - unix_epoch_ticks) / ticks_per_second;
  const std::uint64_t expires = login_.expires_at;
  if (expires <= now_unix && now_unix - expires >= grace) return wire::Clock::time_point::min();
  constexpr std::uint64_t hour = 3600;  // some tokens live until the end of time; by then this has been asked again
  const std::uint64_t seconds_left =
      expires > now_unix ? std::min(expires - now_unix, hour) + grace : grace - (now_unix - expires);
  return lane().now() + std::chrono::seconds(seconds_left);
}

void HubDevice::check_vouchers() {
  if (!hub().authenticator.still_vouched(login_)) connection_.close(CloseReason::identity_changed);
}

void HubDevice::close(hub::EndReason reason) {
  switch (reason) {
    case hub::EndReason::taken_over:
      return connection_.close(CloseReason::taken_over);
    case hub::EndReason::identity_changed:
      return connection_.close(CloseReason::identity_changed);
    case hub::EndReason::identity_deleted:
      return connection_.close(CloseReason::identity_deleted);
  }
}

void HubDevice::left(CloseReason reason) {
  if (session_unwritten_ && reason != CloseReason::identity_deleted) write_empty_session();
  lane().entrance().leave(login_.id, handle());
  hub().gate.device_buckets().leave(login_.id, connection_.received_level());
  fail_methods();
  release_messages();
  // A DISCONNECT discards the will [MQTT-3.1.2-10]. Neither does the hub publish wills because it is being restarted:
  // the devices are well. Nor that of a deleted device, which would come back in the event log.
  const bool discarded = reason == CloseReason::disconnect || reason == CloseReason::shutting_down ||
                         reason == CloseReason::identity_deleted;
  if (will_ && !discarded) publish_will();
}

}  // namespace twinhub::mqtt_door
