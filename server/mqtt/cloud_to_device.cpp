// Cloud-to-device messages on their way to the device. The connection asks the hub for as many as it has room for: a
// window of unacknowledged ones at QoS 1, a little unsent output at QoS 0, so that a device that does not take them
// costs nothing and its twin answers do not wait behind them.
//
// A packet identifier is made of the message's sequence number: sent again, on this connection or a later one, a
// message has the identifier that it had before [MQTT-4.4.0-1], and it need not be kept. Source: azure-docs
// iot-hub-devguide-messages-c2d; azure-iot-protocol-gateway for packet identifiers and QoS 0.
#include "protocol/iothub/cloud_to_device.hpp"
#include "protocol/mqtt/encode.hpp"
#include "server/base/log.hpp"
#include "server/mqtt/hub_device.hpp"

#include <algorithm>

namespace twinhub::mqtt_door {
namespace {

constexpr std::size_t unsent_bytes_max = 64 * 1024;  // more than this, and messages wait in the hub
constexpr std::uint64_t packet_id_mask = 0x3FFF;
/// A client that never acknowledges is remembered for this many windows; then it gets nothing more.
constexpr std::size_t windows_remembered = 4;

}  // namespace

/// The QoS of cloud-to-device messages: the highest that a filter for them was granted [MQTT-3.3.5-1].
std::uint8_t HubDevice::message_qos() const {
  std::uint8_t qos = 0;
  for (const storage::Subscription& subscription : subscriptions_) {
    const auto kind = iothub::parse_topic_filter(subscription.filter, login_.id);
    if (kind == iothub::FilterKind::cloud_to_device) qos = std::max(qos, subscription.qos);
  }
  return qos;
}

void HubDevice::deliver_messages() {
  if (connection_.closed() || connection_.stopping() || !has_filter(iothub::FilterKind::cloud_to_device)) return;
  if (deliveries_ && deliveries_->sending) return;  // wrote() came back here; the loop below goes on
  const std::size_t window = lane().options().unacknowledged_max;
  while (!connection_.closed()) {
    if (deliveries_ && deliveries_->sent.size() >= window * windows_remembered) return;
    if (connection_.out().size() > unsent_bytes_max) {
      if (!deliveries_) deliveries_ = std::make_unique<Deliveries>(hub().cloud_to_device.new_consumer());
      deliveries_->waiting = true;
      return;
    }
    // A subscriber without messages needs no memory for them.
    const std::uint64_t consumer = deliveries_ ? deliveries_->consumer : hub().cloud_to_device.new_consumer();
    const auto delivery = hub().cloud_to_device.receive(login_.id.device, consumer, window);
    if (!delivery) {
      log::warn({.event = "messages_unreadable", .device = login_.id.device}, "{}: messages cannot be read: {}",
                login_.id.device, delivery.error().detail);
      return;
    }
    if (!*delivery) return;
    if (!deliveries_) deliveries_ = std::make_unique<Deliveries>(consumer);
    send_message(**delivery);
  }
}

void HubDevice::send_message(const hub::CloudToDevice::Delivery& delivery) {
  auto& sent = deliveries_->sent;
  const std::uint8_t qos = message_qos();
  const auto known = std::find_if(sent.begin(), sent.end(), [&](const Deliveries::Sent& one) {
    return one.lock.sequence_number == delivery.lock.sequence_number;
  });
  const bool still_unsent = known != sent.end() && known->packet_id == 0 && qos == 0;
  Deliveries::Sent entry{0, delivery.lock};
  if (qos == 1)
    entry.packet_id = known != sent.end() && known->packet_id != 0 ? known->packet_id : packet_id_for(delivery);
  if (known != sent.end()) {
    *known = entry;
  } else {
    sent.push_back(entry);
  }
  if (still_unsent) return;  // its lock has lapsed before the socket took it
  std::string topic;
  iothub::append_device_bound_topic(topic, login_.id.device, delivery.message);
  mqtt::append_publish(connection_.out(), {.topic = topic,
                                           .payload = delivery.message.body,
                                           .packet_id = entry.packet_id,
                                           .qos = qos,
                                           .dup = qos == 1 && delivery.redelivered});  // [MQTT-3.3.1-1], [MQTT-3.3.1-2]
  lane().counters.publishes_sent.fetch_add(1, std::memory_order_relaxed);
  deliveries_->sending = true;
  connection_.wrote();
  deliveries_->sending = false;
}

std::uint16_t HubDevice::packet_id_for(const hub::CloudToDevice::Delivery& delivery) const {
  auto packet_id = static_cast<std::uint16_t>((delivery.lock.sequence_number & packet_id_mask) + 1);
  const auto in_use = [&](const Deliveries::Sent& one) { return one.packet_id == packet_id; };
  while (std::any_of(deliveries_->sent.begin(), deliveries_->sent.end(), in_use)) ++packet_id;
  return packet_id;
}

void HubDevice::on_puback(std::uint16_t packet_id) {
  if (!deliveries_ || packet_id == 0) return;  // of nothing that was sent: ignored
  auto& sent = deliveries_->sent;
  const auto acknowledged =
      std::find_if(sent.begin(), sent.end(), [&](const Deliveries::Sent& one) { return one.packet_id == packet_id; });
  if (acknowledged == sent.end()) return;
  const hub::MessageLock lock = acknowledged->lock;
  sent.erase(acknowledged);
  // No answer waits until that is durable: a message that was acknowledged just before a crash may come again.
  hub().cloud_to_device.complete(login_.id.device, lock, {});
  deliver_messages();
}

/// Everything that was sent has been taken by the socket: messages of QoS 0 have been delivered with it.
void HubDevice::all_written() {
  if (!deliveries_) return;
  for (const Deliveries::Sent& one : deliveries_->sent) {
    if (one.packet_id == 0) hub().cloud_to_device.complete(login_.id.device, one.lock, {});
  }
  const auto delivered =
      std::erase_if(deliveries_->sent, [](const Deliveries::Sent& one) { return one.packet_id == 0; });
  // Their places in the window are free again.
  const bool waiting = std::exchange(deliveries_->waiting, false);
  if (waiting || delivered > 0) deliver_messages();
}

/// The connection is over: what it has not acknowledged is for the next one.
void HubDevice::release_messages() {
  if (deliveries_) hub().cloud_to_device.release(login_.id.device, deliveries_->consumer);
}

}  // namespace twinhub::mqtt_door
