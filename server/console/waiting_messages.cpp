#include "server/console/waiting_messages.hpp"

#include "server/console/json_object.hpp"

#include <algorithm>
#include <string_view>

namespace twinhub::console {
namespace {

/// At most `bytes_max`, and no character is cut.
std::string_view beginning(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  constexpr auto is_rest = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; };
  while (bytes_max > 0 && is_rest(text[bytes_max])) --bytes_max;
  return text.substr(0, bytes_max);
}

std::string properties_json(const std::vector<iothub::Property>& properties) {
  JsonObject object;
  for (const iothub::Property& property : properties) object.text(property.name, property.value.value_or(""));
  return object.close();
}

void append(std::string& out, const hub::CloudToDevice::Waiting& waiting) {
  const iothub::CloudToDeviceMessage& message = waiting.message;
  JsonObject object;
  object.number("sequenceNumber", waiting.sequence_number)
      .text("state", waiting.locked ? "invisible" : "enqueued")
      .time("enqueuedTime", waiting.header.enqueued)
      .time("expiryTime", waiting.header.expires)
      .number("deliveryCount", unsigned{waiting.header.delivery_count})
      .text("ack", iothub::to_string(message.acknowledgement))
      .text("messageId", message.message_id)
      .text("correlationId", message.correlation_id)
      .text("contentType", message.content_type)
      .raw("properties", properties_json(message.properties))
      .number("bodyBytes", message.body.size())
      .flag("bodyCut", message.body.size() > shown_body_bytes_max);
  if (json::is_utf8(message.body)) {
    object.text("body", beginning(message.body, shown_body_bytes_max));
  } else {
    object.text("bodyBase64", base64_encode(std::string_view(message.body).substr(0, shown_body_bytes_max)));
  }
  out += object.close();
}

}  // namespace

Result<std::string> waiting_messages_json(hub::Hub& hub, const std::string& device) {
  const auto waiting = hub.cloud_to_device.look(device);
  if (!waiting) return waiting.error();
  return JsonObject()
      .text("deviceId", device)
      .raw("messages", json_array(*waiting, append))
      .raw("feedback", hub.feedback.look(device, shown_feedback_max))
      .close();
}

}  // namespace twinhub::console
