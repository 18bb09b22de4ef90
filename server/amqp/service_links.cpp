// What back ends do besides reading events: today they send cloud-to-device messages.
// Source: azure-iot-sdk-node azure-iothub amqp.ts; azure-docs iot-hub-amqp-support.
#include "protocol/amqp/link_address.hpp"
#include "protocol/amqp/message.hpp"
#include "protocol/iothub/cloud_to_device.hpp"
#include "protocol/json/text.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/amqp/message_fields.hpp"
#include "server/amqp/when_done.hpp"

namespace twinhub::amqp_door {
namespace {

/// The device that a message's `to` names. Errors: argument_invalid; generic_method_not_allowed (a module: its messages
/// are an edge hub's).
Result<std::string> device_of(const std::string& to) {
  const auto segments = amqp::parse_link_address(to);
  if (segments && amqp::match_address("devices/{}/modules/{}/messages/devicebound", *segments))
    return fail(Errc::generic_method_not_allowed, "A module takes messages from its edge hub only");
  auto matched = segments ? amqp::match_address("devices/{}/messages/devicebound", *segments) : std::nullopt;
  if (!matched || !is_valid_id(matched->front()))
    return fail(Errc::argument_invalid, "The message's 'to' has to be /devices/{id}/messages/devicebound");
  return std::move(matched->front());
}

Result<iothub::CloudToDeviceMessage> message_of(const amqp::Message& from, Timestamp now) {
  iothub::CloudToDeviceMessage message;
  const amqp::Properties& properties = from.properties;
  auto message_id = to_text(properties.message_id), correlation_id = to_text(properties.correlation_id);
  auto body = amqp::body_bytes(from);
  if (!message_id || !correlation_id || !body || !json::is_utf8(properties.user_id.value_or("")))
    return fail(Errc::argument_invalid, "The message's ids have to be text, and its body bytes");
  message.message_id = std::move(*message_id);
  message.correlation_id = std::move(*correlation_id);
  message.user_id = properties.user_id.value_or("");
  message.content_type = properties.content_type;
  message.content_encoding = properties.content_encoding;
  message.to = properties.to;
  message.body = std::move(*body);
  if (properties.absolute_expiry_time) {
    message.expiry = timestamp_of(*properties.absolute_expiry_time);
    if (*message.expiry <= now) return fail(Errc::argument_invalid, "The message's expiry is in the past");
  }
  const auto application = text_properties(from.application_properties);
  if (!application) return application.error();
  for (const auto& [name, value] : *application) {
    if (name != "iothub-ack") {
      message.properties.push_back({name, value});
      continue;
    }
    const auto acknowledgement = iothub::parse_acknowledgement(value);
    if (!acknowledgement) return fail(Errc::argument_invalid, "iothub-ack is none, positive, negative or full");
    message.acknowledgement = *acknowledgement;
  }
  return message;
}

class CloudToDeviceSender final : public LinkHandler {
 public:
  explicit CloudToDeviceSender(hub::Hub& hub) : hub_(hub) {}

  void on_delivery(amqp::Incoming&& delivery) override {
    const auto decoded = amqp::decode_message(delivery.message);
    if (!decoded) return link().reject(delivery.number, condition_of(decoded.error()));
    auto device = device_of(decoded->properties.to);
    if (!device) return link().reject(delivery.number, condition_of(device.error()));
    auto message = message_of(*decoded, hub_.clock.wall());
    if (!message) return link().reject(delivery.number, condition_of(message.error()));
    const auto admission = hub_.gate.admit(hub::Operation::c2d_send, message->body.size());
    if (admission.refusal != hub::Refusal::none) {
      const Error error = hub_.gate.error_of(admission.refusal, hub::Operation::c2d_send);
      return link().reject(delivery.number, condition_of(error));
    }
    link().withhold_credit(admission.wait);
    hub_.cloud_to_device.send(
        *device, std::move(*message),
        link().when_done<CloudToDeviceSender, void>(
            [number = delivery.number](CloudToDeviceSender& self, const Result<void>& stored) {
              if (stored) return self.link().accept(number);
              self.link().reject(number, condition_of(stored.error()));
            },
            {.bytes = static_cast<std::uint32_t>(delivery.message.size()), .operation = hub::Operation::c2d_send}));
  }

 private:
  hub::Hub& hub_;
};

}  // namespace

void add_service_links(LinkKinds& kinds, hub::Hub& hub) {
  kinds.push_back({.address = "messages/devicebound",
                   .direction = Direction::peer_sends,
                   .needs = Needs::service,
                   .make = [&hub](const Attach&) { return serve(std::make_unique<CloudToDeviceSender>(hub)); }});
}

}  // namespace twinhub::amqp_door
