// Direct methods over AMQP: requests leave on one link, the device's answers come on the other. Each request has a GUID
// as its correlation-id, for .NET makes one of it; clients give it back as a uuid, as text or as 16 bytes. A device is
// online for methods while it has both links and credit on the first. An answer counts only for requests of its own
// device's link: an SDK that has reconnected may still answer what came over its old connection.
// Source: azure-iot-sdk-node amqp_device_method_client.ts; azure-iot-sdk-csharp AmqpIotMessageConverter.cs.
#include "protocol/amqp/encode.hpp"
#include "protocol/amqp/message.hpp"
#include "protocol/ascii.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/device.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/base/error_table.hpp"

#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

namespace twinhub::amqp_door {
namespace {

using amqp::Value;

constexpr std::size_t prefix_bytes = 8;
constexpr std::uint64_t variant = 1ULL << 63U;  // a GUID's ninth byte begins with the bits 10

/// The first half of a link's GUIDs: random, but for the version, which clients look for.
std::string make_prefix() {
  const std::string hex = hub::make_request_id().substr(0, 32);
  std::string bytes =
      amqp::uuid_bytes(hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-4" + hex.substr(13, 3) + "-0000-000000000000")
          .value();
  bytes.resize(prefix_bytes);
  return bytes;
}

/// The 16 bytes of a correlation-id; nullopt when it is no GUID.
std::optional<std::string> guid_in(const Value& id) {
  if (id.is_text()) return amqp::uuid_bytes(id.text);
  const bool is_bytes = id.type == amqp::Type::uuid || id.type == amqp::Type::binary;
  if (is_bytes && id.text.size() == 2 * prefix_bytes) return id.text;
  return std::nullopt;
}

/// Devices spell the names of their properties in any case.
const Value* find_ignoring_case(const Value& properties, std::string_view name) {
  if (properties.type != amqp::Type::map) return nullptr;
  for (std::size_t i = 0; i + 1 < properties.items.size(); i += 2) {
    if (properties.items[i].is_text() && equals_ignoring_case(properties.items[i].text, name))
      return &properties.items[i + 1];
  }
  return nullptr;
}

class MethodAnswers;

/// Where the hub sends.
class MethodRequests final : public DeviceLinkHandler {
 public:
  explicit MethodRequests(hub::Hub& hub) : hub_(hub), prefix_(make_prefix()) {}

  [[nodiscard]] bool send_method(const hub::MethodRequest& request) override;
  void forget_method(std::uint64_t number) override { open_.erase(number); }
  void on_credit(bool drains) override {
    announce();
    if (drains) link().drained();
  }
  void on_detached() override { fail_open(); }

  /// Calls that waited for the device to come online may go out now.
  void announce();
  /// There will be no answers to what was sent.
  void fail_open();
  /// Takes the number of the call that a correlation-id stands for; nullopt when none of this link's waits for it.
  [[nodiscard]] std::optional<std::uint64_t> take(const Value& correlation_id);

 private:
  [[nodiscard]] bool is_ready() const;

  hub::Hub& hub_;
  const std::string prefix_;
  std::unordered_set<std::uint64_t> open_;  ///< the hub's numbers of what was sent and is not answered
};

/// Where the device sends.
class MethodAnswers final : public DeviceLinkHandler {
 public:
  explicit MethodAnswers(hub::Hub& hub) : hub_(hub) {}

  void on_attached() override {
    if (MethodRequests* const requests = requests_link()) requests->announce();
  }

  void on_delivery(amqp::Incoming&& delivery) override {
    const auto message = amqp::decode_message(delivery.message);
    if (!message) return link().reject(delivery.number, condition_of(message.error()));
    link().accept(delivery.number);  // a late one too: there is nothing that its sender could do about it
    MethodRequests* const requests = requests_link();
    const auto number = requests != nullptr ? requests->take(message->properties.correlation_id) : std::nullopt;
    if (!number) return;
    const Value* const status = find_ignoring_case(message->application_properties, "IoThub-status");
    storage::Outbox outbox;
    hub_.methods.answered(*number, status != nullptr ? to_text(*status).value_or("") : "",
                          amqp::body_bytes(*message).value_or("?"), outbox);
  }

  void on_detached() override {
    if (MethodRequests* const requests = requests_link()) requests->fail_open();
  }

 private:
  [[nodiscard]] MethodRequests* requests_link() const { return device().find_handler<MethodRequests>(); }

  hub::Hub& hub_;
};

bool MethodRequests::is_ready() const {
  const Connection& connection = link().connection();
  return !connection.closed() && !connection.stopping() && link().credit() > 0 &&
         device().find_handler<MethodAnswers>() != nullptr;
}

bool MethodRequests::send_method(const hub::MethodRequest& request) {
  if (!is_ready()) return false;
  hub::Methods& methods = hub_.methods;
  // A device that does not read gets no more of them; its link is not ended for what back ends send it.
  if (!link().may_send()) {
    storage::Outbox outbox;
    methods.failed(request.number, fail(Errc::throttling_exception, "The device has too many method calls to read"),
                   outbox);
    return true;
  }
  if (!methods.delivering(request.number)) return true;
  open_.insert(request.number);
  std::string guid = prefix_;
  amqp::append_big_endian(guid, request.number | variant, 8);
  amqp::Message message;
  message.properties.correlation_id = Value::uuid(guid);
  message.application_properties.add(Value::string("IoThub-methodname"), Value::string(request.name));
  message.data = {request.payload};  // of no bytes when there is none: not null
  link().send(encode_message(message), guid, true);
  return true;
}

void MethodRequests::announce() {
  if (!is_ready()) return;
  storage::Outbox outbox;
  hub_.methods.device_ready(device().login().id, outbox);
}

void MethodRequests::fail_open() {
  storage::Outbox outbox;
  for (const std::uint64_t number : std::exchange(open_, {})) {
    hub_.methods.failed(number, fail(Errc::device_connection_closed_remotely, ""), outbox);
  }
}

std::optional<std::uint64_t> MethodRequests::take(const Value& correlation_id) {
  const auto guid = guid_in(correlation_id);
  if (!guid || !guid->starts_with(prefix_)) return std::nullopt;
  std::uint64_t number = 0;
  for (const char byte : guid->substr(prefix_bytes)) number = number << 8U | static_cast<unsigned char>(byte);
  number &= ~variant;
  if (open_.erase(number) == 0) return std::nullopt;
  return number;
}

}  // namespace

void add_method_links(LinkKinds& kinds, hub::Hub& hub) {
  for (const char* const address : {"devices/{}/methods/devicebound", "devices/{}/modules/{}/methods/devicebound"}) {
    kinds.push_back(
        {.address = address, .direction = Direction::peer_sends, .needs = Needs::device, .make = [&hub](const Attach&) {
           return serve(std::make_unique<MethodAnswers>(hub));
         }});
    kinds.push_back({.address = address,
                     .direction = Direction::peer_receives,
                     .needs = Needs::device,
                     .make = [&hub](const Attach&) { return serve(std::make_unique<MethodRequests>(hub)); }});
  }
}

}  // namespace twinhub::amqp_door
