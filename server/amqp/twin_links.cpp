// A device's twin over AMQP: requests come on one link; replies, and changes of desired properties once the device has
// asked for them, leave on the other. Of each there is one per device, so that they find one another by the device.
// Source: azure-iot-sdk-node amqp_twin_client.ts; azure-iot-sdk-csharp AmqpIotTwinSendingLink; azure-iot-sdk-java
// AmqpsTwinReceiverLinkHandler, which reads the versions.
#include "protocol/amqp/encode.hpp"
#include "protocol/amqp/message.hpp"
#include "protocol/iothub/connect_fields.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/device.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/amqp/message_fields.hpp"
#include "server/amqp/when_done.hpp"
#include "server/base/error_table.hpp"
#include "server/hub/twins/failed_request.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace twinhub::amqp_door {
namespace {

using amqp::Value;

constexpr std::string_view reported_resource = "/properties/reported";
constexpr std::string_view desired_resource = "/properties/desired";
constexpr std::string_view deltas_resource = "/notifications/twin/properties/desired";

// What one link may have waiting for credit.
constexpr std::size_t deltas_max = 10;
constexpr std::size_t waiting_max = 64;
constexpr std::size_t waiting_bytes_max = 256 * 1024;

/// Where the hub sends.
class TwinReplies final : public DeviceLinkHandler {
 public:
  void want_deltas(bool wanted) { wants_deltas_ = wanted; }

  void reply(std::string message) { send_or_wait({std::move(message), false}); }

  void send_delta(std::uint64_t version, std::string_view delta) override {
    if (!wants_deltas_) return;
    amqp::Message message;  // without a correlation-id: so clients know it from a reply
    message.message_annotations.add(Value::symbol("resource"), Value::string(std::string(desired_resource)));
    message.message_annotations.add(Value::symbol("version"), Value::int64(static_cast<std::int64_t>(version)));
    message.data = {std::string(delta)};
    send_or_wait({encode_message(message), true});
  }

  void on_credit(bool drains) override {
    drains_ = drains_ || drains;
    std::size_t sent = 0;
    while (sent < waiting_.size() && link().may_send()) send(waiting_[sent++].message);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(sent));
    if (!waiting_.empty() && link().credit() > 0) return;  // for room: called again once there is some
    if (std::exchange(drains_, false)) link().drained();
  }

 private:
  struct Waiting {
    std::string message;
    bool is_delta = false;
  };

  void send(std::string_view message) {
    std::string tag;
    amqp::append_big_endian(tag, next_tag_++, 4);
    link().send(message, tag, true);
  }

  /// In the order in which they came about. A device that has missed a delta would not know: its link ends instead.
  void send_or_wait(Waiting one) {
    if (waiting_.empty() && link().may_send()) return send(one.message);
    waiting_.push_back(std::move(one));
    std::size_t bytes = 0, deltas = 0;
    for (const Waiting& waiting : waiting_) {
      bytes += waiting.message.size();
      if (waiting.is_delta) ++deltas;
    }
    if (deltas <= deltas_max && waiting_.size() <= waiting_max && (bytes <= waiting_bytes_max || waiting_.size() == 1))
      return;
    link().detach(make_condition(condition::resource_limit, "Too much waits for credit on this link"));
  }

  std::vector<Waiting> waiting_;  ///< for credit or room
  std::uint32_t next_tag_ = 0;
  bool wants_deltas_ = false;
  bool drains_ = false;
};

/// The text of an annotation; "" when there is none.
std::string annotation(const amqp::Message& message, std::string_view name) {
  const Value* const found = message.message_annotations.find(name);
  return found != nullptr && found->is_text() ? found->text : std::string();
}

/// Errors: argument_invalid.
Result<std::optional<std::uint64_t>> version_in(const amqp::Message& message) {
  const Value* const found = message.message_annotations.find("version");
  if (found == nullptr || found->is_null()) return std::optional<std::uint64_t>();
  const auto number = found->integer();
  if (number && *number >= 0) return std::optional(static_cast<std::uint64_t>(*number));
  return fail(Errc::argument_invalid, "version is not a number");
}

/// Where the device sends.
class TwinRequests final : public DeviceLinkHandler {
 public:
  explicit TwinRequests(hub::Hub& hub) : hub_(hub) {}

  void on_delivery(amqp::Incoming&& delivery) override {
    const auto message = amqp::decode_message(delivery.message);
    if (!message) return link().reject(delivery.number, condition_of(message.error()));
    if (!is_request_id(message->properties.correlation_id)) {
      return link().reject(delivery.number, make_condition(condition::argument_error, "An id may have 256 bytes"));
    }
    const Request request{delivery.number, message->properties.correlation_id};
    const std::string operation = annotation(*message, "operation"), resource = annotation(*message, "resource");
    if (operation == "GET") return get(request);
    if (operation == "PATCH" && resource == reported_resource) return patch(request, *message);
    if (operation == "PUT" && resource == deltas_resource) return set_deltas(request, true);
    if (operation == "DELETE" && resource == deltas_resource) return set_deltas(request, false);
    answer_error(request, fail(Errc::argument_invalid, "There is no such operation on a twin"));
  }

  void on_detached() override {
    if (TwinReplies* const replies = replies_link()) replies->want_deltas(false);
  }

 private:
  struct Request {
    amqp::DeliveryNumber delivery = 0;
    Value correlation_id;
  };

  void get(const Request& request) {
    if (!admit(request, hub::Operation::twin_read, 0)) return;
    hub_.twins.get_device_view(device().login().id, link().when_done<TwinRequests, std::string>(
                                                        [request](TwinRequests& self, const Result<std::string>& view) {
                                                          if (!view) return self.answer_error(request, view.error());
                                                          self.answer(request, 200, std::nullopt, *view);
                                                        },
                                                        {.operation = hub::Operation::twin_read}));
  }

  void patch(const Request& request, const amqp::Message& message) {
    const auto body = amqp::body_bytes(message);
    if (!body) return answer_error(request, fail(Errc::argument_invalid, "The patch has to be bytes"));
    const auto expected = version_in(message);
    if (!expected) return answer_error(request, expected.error());
    if (!admit(request, hub::Operation::twin_update, body->size())) return;
    hub_.twins.patch_reported(
        device().login().id, *body, *expected,
        link().when_done<TwinRequests, std::uint64_t>(
            [request](TwinRequests& self, const Result<std::uint64_t>& reported) {
              if (!reported) return self.answer_error(request, reported.error());
              self.answer(request, 204, *reported, {});
            },
            {.bytes = static_cast<std::uint32_t>(body->size()), .operation = hub::Operation::twin_update}));
  }

  /// In force before its answer: no delta may fall between it and the twin that the client reads next.
  void set_deltas(const Request& request, bool wanted) {
    if (TwinReplies* const replies = replies_link()) replies->want_deltas(wanted);
    answer(request, 200, std::nullopt, {});
  }

  /// Over a rate, the link gets no credit for a while, or the request is answered with 429.
  [[nodiscard]] bool admit(const Request& request, hub::Operation operation, std::size_t bytes) {
    const auto admission = hub_.gate.admit(device().login().id, operation, bytes);
    if (admission.refusal != hub::Refusal::none) {
      answer_error(request, hub_.gate.error_of(admission.refusal, operation));
      return false;
    }
    link().withhold_credit(admission.wait);
    return true;
  }

  void answer_error(const Request& request, const Error& error) {
    const Timestamp now = hub_.clock.wall();
    const std::string tracking_id = hub::make_tracking_id(now);
    hub::log_failed_twin_request(device().login().id, error, tracking_id);
    answer(request, hub::row_of(error.code).http_status, std::nullopt, hub::twin_error_body(error, tracking_id, now));
  }

  /// The request is accepted, whatever the answer says; an outcome behind its reply confuses clients.
  void answer(const Request& request, unsigned status, std::optional<std::uint64_t> version, std::string body) {
    link().accept(request.delivery);
    TwinReplies* const replies = replies_link();
    if (replies == nullptr || request.correlation_id.is_null()) return;
    amqp::Message message;
    Value& annotations = message.message_annotations;
    annotations.add(Value::symbol("status"), Value::int32(static_cast<std::int32_t>(status)));
    if (version) annotations.add(Value::symbol("version"), Value::int64(static_cast<std::int64_t>(*version)));
    message.properties.correlation_id = request.correlation_id;
    message.data = {std::move(body)};  // empty or not: clients read it without looking
    replies->reply(encode_message(message));
  }

  /// nullptr when the device has no such link.
  [[nodiscard]] TwinReplies* replies_link() const { return device().find_handler<TwinReplies>(); }

  hub::Hub& hub_;
};

}  // namespace

void add_twin_links(LinkKinds& kinds, hub::Hub& hub) {
  for (const char* const address : {"devices/{}/twin", "devices/{}/modules/{}/twin"}) {
    kinds.push_back(
        {.address = address, .direction = Direction::peer_sends, .needs = Needs::device, .make = [&hub](const Attach&) {
           return serve(std::make_unique<TwinRequests>(hub));
         }});
    kinds.push_back(
        {.address = address, .direction = Direction::peer_receives, .needs = Needs::device, .make = [](const Attach&) {
           return serve(std::make_unique<TwinReplies>());
         }});
  }
}

}  // namespace twinhub::amqp_door
