// The back ends' side of cloud-to-device messages: sending, purging, and the feedback on their fate.
#include "server/rest/handlers.hpp"
#include "server/rest/message_headers.hpp"

#include "protocol/json/text.hpp"

namespace twinhub::rest {
namespace {

Response no_content() { return Response{204, {}, {}}; }

Response purged(const std::string& device, std::uint32_t count) {
  std::string body = R"({"deviceId":)";
  json::append_string(body, device);
  body += R"(,"moduleId":null,"totalMessagesPurged":)" + std::to_string(count) + "}";
  return json_response(std::move(body));
}

}  // namespace

void send_message(Reply reply, const Request& request, const Call& call) {
  auto message = message_of(request);
  if (!message) return reply.send(error_response(message.error(), reply.lane->hub().clock.wall()));
  reply.lane->hub().cloud_to_device.send(call.id.device, std::move(*message), reply.done<void>(no_content));
}

void purge_messages(Reply reply, const Request&, const Call& call) {
  reply.lane->hub().cloud_to_device.purge(
      call.id.device,
      reply.done<std::uint32_t>([device = call.id.device](std::uint32_t count) { return purged(device, count); }));
}

void receive_feedback(Reply reply, const Request&, const Call&) {
  hub::Hub& hub = reply.lane->hub();
  auto batch = hub.feedback.receive();
  if (!batch) return reply.send(error_response(batch.error(), hub.clock.wall()));
  if (!*batch) return reply.send(no_content());
  auto& [lock_token, json, newest, delivery_count] = **batch;
  Response response = json_response(std::move(json), lock_token);
  response.headers.emplace_back("Content-Type", "application/vnd.microsoft.iothub.feedback.json; charset=utf-8");
  response.headers.emplace_back("iothub-messageid", lock_token);
  response.headers.emplace_back("iothub-enqueuedtime", to_iso8601(newest));
  response.headers.emplace_back("iothub-deliverycount", std::to_string(delivery_count));
  reply.send(std::move(response));
}

void complete_feedback(Reply reply, const Request&, const Call& call) {
  reply.lane->hub().feedback.complete(call.names.front(), reply.done<void>(no_content));
}

void abandon_feedback(Reply reply, const Request&, const Call& call) {
  hub::Hub& hub = reply.lane->hub();
  const auto abandoned = hub.feedback.abandon(call.names.front());
  reply.send(abandoned ? no_content() : error_response(abandoned.error(), hub.clock.wall()));
}

}  // namespace twinhub::rest
