// $cbs: tokens for the connection, put and renewed by messages. Source: OASIS AMQP Claims-based Security 1.0;
// azure-iot-sdk-node amqp_cbs.ts, azure-sdk-for-python cbs.py.
#include "protocol/amqp/message.hpp"
#include "protocol/ascii.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/amqp/message_fields.hpp"
#include "server/amqp/reply_link.hpp"
#include "server/base/error_table.hpp"

#include <algorithm>
#include <array>

namespace twinhub::amqp_door {
namespace {

constexpr std::string_view address = "$cbs";

std::string text_property(const amqp::Message& message, std::string_view name) {
  const amqp::Value* const found = message.application_properties.find(name);
  const std::string* const chars = found != nullptr ? found->chars() : nullptr;
  return chars != nullptr ? *chars : std::string();
}

/// Tokens are told apart by their text: pyamqp names a shared access signature "jwt".
bool is_known_type(std::string_view type) {
  constexpr std::array<std::string_view, 3> types{"servicebus.windows.net:sastoken", "azure-devices.net:sastoken",
                                                  "jwt"};
  return std::any_of(types.begin(), types.end(), [&](auto known) { return equals_ignoring_case(known, type); });
}

struct Status {
  std::int32_t code = 200;
  std::string description = "OK";
};

Status status_of(const Error& error) {
  switch (error.code) {
    case Errc::argument_invalid:
      return {400, error.detail};
    case Errc::iot_hub_quota_exceeded:
      return {403, error.detail};
    case Errc::service_unavailable:
      return {503, "The hub cannot read the identity now"};
    default:
      return {401, "Unauthorized"};  // one answer for every cause: a stranger learns nothing
  }
}

std::string encode_reply(const amqp::Value& request_id, const Status& status) {
  using amqp::Value;
  amqp::Message reply;
  reply.properties.correlation_id = request_id;
  reply.application_properties.add(Value::string("status-code"), Value::int32(status.code));
  reply.application_properties.add(Value::string("status-description"), Value::string(status.description));
  return encode_message(reply);
}

class CbsRequests final : public LinkHandler {
 public:
  void on_delivery(amqp::Incoming&& delivery) override {
    const auto message = amqp::decode_message(delivery.message);
    if (!message) return reject(delivery, condition_of(message.error()));
    if (!is_request_id(message->properties.message_id))
      return reject(delivery, make_condition(condition::argument_error, "An id may have 256 bytes"));
    const Status status = put(*message);
    if (link().connection().closed()) return;
    // The disposition leaves before the reply: the engine's send() sees to that.
    link().accept(delivery.number);
    const amqp::Value& id = message->properties.message_id;
    if (!id.is_null()) link().connection().reply(link().session(), address, encode_reply(id, status));
  }

 private:
  [[nodiscard]] Status put(const amqp::Message& message) {
    const auto token = amqp::body_bytes(message);
    if (text_property(message, "operation") != "put-token")
      return refuse(Reason::unsupported, "The operation has to be put-token");
    if (!is_known_type(text_property(message, "type")))
      return refuse(Reason::unsupported, "The type of the token is not known");
    const std::string audience = text_property(message, "name");
    if (audience.empty() || !token) return refuse(Reason::no_credentials, "A name and a token are needed");
    const auto taken = link().connection().put_token(audience, *token);
    return taken ? Status{} : status_of(taken.error());
  }

  /// A request that is none for a token: those that are leave their notice with the token.
  [[nodiscard]] Status refuse(Reason reason, std::string words) {
    link().connection().note_refused_request(address, {reason, words});
    return {400, std::move(words)};
  }

  void reject(const amqp::Incoming& delivery, const amqp::Condition& why) {
    link().connection().note_refused_request(address, {Reason::protocol_fault, why.description});
    link().reject(delivery.number, why);
  }
};

}  // namespace

void add_cbs_links(LinkKinds& kinds) {
  constexpr std::size_t message_bytes_max = 64 * 1024;
  kinds.push_back({.address = std::string(address),
                   .direction = Direction::peer_sends,
                   .make = [](const Attach&) { return serve(std::make_unique<CbsRequests>()); },
                   .message_bytes_max = message_bytes_max,
                   .links_max = shared_links_max});
  kinds.push_back({.address = std::string(address),
                   .direction = Direction::peer_receives,
                   .make = [](const Attach&) { return serve(std::make_unique<ReplyLink>()); },
                   .links_max = shared_links_max});
}

}  // namespace twinhub::amqp_door
