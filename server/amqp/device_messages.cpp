// Cloud-to-device messages on their way to a device. Its credit is the window; what it does not settle within the lock's
// time is queued again, and so is what it holds when its link ends.
// Source: azure-docs iot-hub-devguide-messages-c2d; azure-iot-sdk-csharp AmqpIotMessageConverter.cs for the types.
#include "protocol/amqp/message.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/device.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/amqp/message_fields.hpp"
#include "server/amqp/when_done.hpp"
#include "server/base/log.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace twinhub::amqp_door {
namespace {

using amqp::Value;

/// Deliveries that a device leaves unsettled beyond this are forgotten, oldest first: their locks have lapsed.
constexpr std::size_t remembered_max = 4 * hub::CloudToDevice::queue_max;

Value text_or_null(const std::string& text) { return text.empty() ? Value() : Value::string(text); }

std::string encode_delivery(const hub::CloudToDevice::Delivery& delivery, const std::string& lock_token) {
  amqp::Message message;
  const std::uint32_t count_max = std::numeric_limits<std::uint8_t>::max();
  Value& annotations = message.message_annotations;
  annotations.add(Value::symbol("iothub-enqueuedtime"), Value::timestamp(milliseconds_of(delivery.enqueued)));
  annotations.add(Value::symbol("iothub-deliverycount"),
                  Value::ubyte(static_cast<std::uint8_t>(std::min(delivery.delivery_count, count_max))));
  annotations.add(Value::symbol("x-opt-sequence-number"), Value::ulong(delivery.lock.sequence_number));
  annotations.add(Value::symbol("x-opt-lock-token"), Value::string(lock_token));
  const iothub::CloudToDeviceMessage& sent = delivery.message;
  amqp::Properties& properties = message.properties;
  properties.message_id = text_or_null(sent.message_id);
  properties.correlation_id = text_or_null(sent.correlation_id);
  if (!sent.user_id.empty()) properties.user_id = sent.user_id;
  properties.to = sent.to;
  properties.content_type = sent.content_type;
  properties.content_encoding = sent.content_encoding;
  if (sent.expiry) properties.absolute_expiry_time = milliseconds_of(*sent.expiry);
  message.application_properties.add(Value::string("iothub-ack"),
                                     Value::string(std::string(to_string(sent.acknowledgement))));
  for (const iothub::Property& property : sent.properties) {
    message.application_properties.add(Value::string(property.name),
                                       property.value ? Value::string(*property.value) : Value());
  }
  message.data = {sent.body};
  return encode_message(message);
}

class CloudToDeviceReceiver final : public DeviceLinkHandler {
 public:
  explicit CloudToDeviceReceiver(hub::Hub& hub) : hub_(hub), consumer_(hub.cloud_to_device.new_consumer()) {}

  void on_attached() override { hub_.presence.used(device().login().id); }

  void deliver_messages() override {
    while (link().may_send()) {
      auto received = hub_.cloud_to_device.receive(name(), consumer_, hub::CloudToDevice::queue_max);
      if (!received) {
        log::warn({.event = "messages_unreadable", .device = name()}, "{}: messages cannot be read: {}", name(),
                  received.error().detail);
        return;
      }
      if (!*received) return;
      deliver(**received);
    }
  }

  void on_credit(bool drains) override {
    deliver_messages();
    if (drains) link().drained();
  }

  void on_outcome(amqp::DeliveryNumber delivery, const amqp::Outcome& outcome, bool settled) override {
    const auto found = held_.find(delivery);
    if (found == held_.end()) return;
    const hub::MessageLock lock = found->second;
    held_.erase(found);
    auto done = link().when_done<CloudToDeviceReceiver, void>(
        [delivery, settled](CloudToDeviceReceiver& self, const Result<void>& durable) {
          if (settled) return;
          self.link().answer(delivery, durable ? accepted() : rejected(condition_of(durable.error())));
        });
    switch (settlement_of(outcome)) {
      case Settlement::complete:
        hub_.cloud_to_device.complete(name(), lock, std::move(done));
        break;
      case Settlement::reject:
        hub_.cloud_to_device.reject(name(), lock, std::move(done));
        break;
      case Settlement::abandon:
        hub_.cloud_to_device.abandon(name(), lock, std::move(done));
        break;
    }
    deliver_messages();
  }

  void on_detached() override { hub_.cloud_to_device.release(name(), consumer_); }

 private:
  [[nodiscard]] const std::string& name() const { return device().login().id.device; }

  void deliver(const hub::CloudToDevice::Delivery& delivery) {
    const std::string lock_token = to_text(delivery.lock);
    const bool settled = link().sends_settled();
    const auto number = link().send(encode_delivery(delivery, lock_token), delivery_tag(lock_token), settled);
    if (settled) return hub_.cloud_to_device.complete(name(), delivery.lock, {});
    held_.emplace(number, delivery.lock);
    if (held_.size() <= remembered_max) return;
    link().forget(held_.begin()->first);
    held_.erase(held_.begin());
  }

  hub::Hub& hub_;
  const std::uint64_t consumer_;
  std::map<amqp::DeliveryNumber, hub::MessageLock> held_;  ///< what was sent and not settled
};

}  // namespace

void add_device_message_links(LinkKinds& kinds, hub::Hub& hub) {
  kinds.push_back({.address = "devices/{}/messages/devicebound",
                   .direction = Direction::peer_receives,
                   .needs = Needs::device,
                   .make = [&hub](const Attach&) { return serve(std::make_unique<CloudToDeviceReceiver>(hub)); }});
}

}  // namespace twinhub::amqp_door
