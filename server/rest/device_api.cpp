// The device's side over HTTPS: sends telemetry, receives and settles cloud-to-device messages. A device reaches only
// itself: route() has checked its identity. Source: IoT Hub device REST API 2021-04-12; azure-iot-device-http http.ts.
#include "protocol/json/document.hpp"
#include "protocol/json/lenient.hpp"
#include "protocol/json/member.hpp"
#include "protocol/json/text.hpp"
#include "server/base/countdown.hpp"
#include "server/rest/handlers.hpp"
#include "server/rest/message_headers.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

namespace twinhub::rest {
namespace {

constexpr std::string_view batch_type = "application/vnd.microsoft.iothub.json";
constexpr int lock_seconds_min = 5;
constexpr int lock_seconds_max = 300;

Response no_content() { return Response{204, {}, {}}; }

/// One message of a batch.
struct Event {
  std::string property_bag;
  std::string body;
};

/// [{"body":"<base64>","base64Encoded":false?,"properties":{"iothub-app-k":"v"}}]: absent, base64Encoded is true.
Result<std::vector<Event>> parse_batch(std::string text) {
  json::make_strict(text);
  const auto document = json::parse(text);
  if (!document) return document.error();
  if (document->root().kind() != json::Kind::array) return fail(Errc::iot_hub_format_error, "A batch is a JSON array");
  std::vector<Event> events;
  std::size_t bytes = 0;
  for (const json::Value item : document->root()) {
    const auto member = json::member_of(item, "body");
    auto body = member ? member->string() : std::nullopt;
    if (!body) return fail(Errc::argument_invalid, "A message of the batch has no body text");
    const auto flag = json::member_of(item, "base64Encoded");
    const auto is_base64 = flag && !flag->is_null() ? flag->to_boolean() : true;
    if (!is_base64) return fail(Errc::argument_invalid, "base64Encoded must be true or false");
    if (*is_base64) {
      body = base64_decode(*body);
      if (!body) return fail(Errc::argument_invalid, "The body of a message of the batch is not base64");
    }
    Headers headers;
    if (const auto properties = json::member_of(item, "properties"); properties && properties->is_object()) {
      for (const json::Value property : *properties) {
        headers.emplace_back(json::unescape(property.key_text()),
                             property.string().value_or(std::string(property.text())));
      }
    }
    bytes += body->size();
    events.push_back({property_bag_of(headers), std::move(*body)});
  }
  if (events.empty()) return fail(Errc::argument_invalid, "The batch is empty");
  if (bytes > hub::telemetry_bytes_max) return fail(Errc::message_too_large, "A batch may have 262144 bytes");
  return events;
}

std::optional<std::chrono::seconds> lock_time(const Request& request) {
  const auto text = request.header("iothub-messagelocktimeout");
  int seconds = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return std::chrono::seconds(std::clamp(seconds, lock_seconds_min, lock_seconds_max));
}

using Settle = void (hub::CloudToDevice::*)(const std::string&, const hub::MessageLock&, hub::Done<void>);

void settle(const Reply& reply, const Call& call, Settle how) {
  const auto lock = hub::parse_message_lock(call.names.front());
  if (!lock) {
    return reply.send(error_response(fail(Errc::device_message_lock_lost, "The lock token is none of this device"),
                                     reply.lane->hub().clock.wall()));
  }
  (reply.lane->hub().cloud_to_device.*how)(call.id.device, *lock, reply.done<void>(no_content));
}

}  // namespace

void send_event(Reply reply, const Request& request, const Call& call) {
  hub::Hub& hub = reply.lane->hub();
  const std::string_view type = request.header("content-type").value_or("");
  if (!equals_ignoring_case(type.substr(0, type.find(';')), batch_type)) {
    const std::string bag = property_bag_of(request.headers);
    return hub.telemetry.ingest(*call.login, {.property_bag = bag, .body = request.body}, reply.done<void>(no_content));
  }
  const auto events = parse_batch(request.body);
  if (!events) return reply.send(error_response(events.error(), hub.clock.wall()));
  const auto countdown = std::make_shared<hub::Countdown>(events->size());
  for (const Event& event : *events) {
    hub.telemetry.ingest(
        *call.login, {.property_bag = event.property_bag, .body = event.body},
        [countdown, done = reply.done<void>(no_content)](const Result<void>& stored, storage::Outbox& outbox) {
          if (const auto outcome = countdown->settle(stored)) done(*outcome, outbox);
        });
  }
}

void receive_message(Reply reply, const Request& request, const Call& call) {
  hub::Hub& hub = reply.lane->hub();
  auto delivery = hub.cloud_to_device.receive(call.id.device, 0, hub::CloudToDevice::queue_max, lock_time(request));
  if (!delivery) return reply.send(error_response(delivery.error(), hub.clock.wall()));
  reply.send(*delivery ? delivery_response(std::move(**delivery)) : no_content());
}

void complete_message(Reply reply, const Request& request, const Call& call) {
  settle(reply, call, request.parameter("reject") ? &hub::CloudToDevice::reject : &hub::CloudToDevice::complete);
}

void abandon_message(Reply reply, const Request&, const Call& call) {
  settle(reply, call, &hub::CloudToDevice::abandon);
}

}  // namespace twinhub::rest
