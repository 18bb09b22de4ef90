// Telemetry of devices and modules, one by one or in batches.
// Source: azure-iot-sdk-node azure-iot-device-amqp; azure-docs iot-hub-amqp-support.
#include "protocol/amqp/message.hpp"
#include "protocol/iothub/connect_fields.hpp"
#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/text.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/device.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/amqp/message_fields.hpp"
#include "server/amqp/when_done.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <vector>

namespace twinhub::amqp_door {
namespace {

/// Application properties and annotations that are system properties, by their names in a property bag.
struct BagName {
  std::string_view name;
  std::string_view in_bag;
};
constexpr std::array application_names{
    BagName{"iothub-outputname", "$.on"},
    BagName{"iothub-message-schema", "$.schema"},
    BagName{"iothub-creation-time-utc", "$.ctime"},
};
constexpr std::array annotation_names{
    BagName{"dt-subject", "$.sub"},
    BagName{"iothub-interface-id", "$.ifid"},
};

template <std::size_t Size>
std::string_view bag_name(const std::array<BagName, Size>& names, std::string_view name) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const BagName& one) { return one.name == name; });
  return found == names.end() ? std::string_view() : found->in_bag;
}

/// A user property may not pass for a system property: its '$' is escaped, and "$.name" with it.
void add(std::string& bag, std::string_view name, std::string_view value) {
  if (!bag.empty()) bag += '&';
  bag += name.starts_with("$.") ? std::string(name) : iothub::percent_encode(name);
  bag += '=';
  bag += iothub::percent_encode(value);
}

/// Errors: argument_invalid (an id or a property that is no text).
Result<std::string> property_bag_of(const amqp::Message& message) {
  std::string bag;
  const amqp::Properties& properties = message.properties;
  const auto message_id = to_text(properties.message_id), correlation_id = to_text(properties.correlation_id);
  if (!message_id || !correlation_id || !json::is_utf8(properties.user_id.value_or("")))
    return fail(Errc::argument_invalid, "The message's ids have to be text");
  const auto add_system = [&bag](std::string_view name, std::string_view value) {
    if (!name.empty() && !value.empty()) add(bag, name, value);
  };
  add_system("$.mid", *message_id);
  add_system("$.cid", *correlation_id);
  add_system("$.uid", properties.user_id.value_or(""));
  add_system("$.ct", properties.content_type);
  add_system("$.ce", properties.content_encoding);
  for (const auto& [name, value] : text_annotations(message.message_annotations)) {
    add_system(bag_name(annotation_names, name), value);
  }
  const auto application = text_properties(message.application_properties);
  if (!application) return application.error();
  for (const auto& [name, value] : *application) {
    const std::string_view system = bag_name(application_names, name);
    if (!system.empty()) {
      add_system(system, value);
    } else if (!name.starts_with("$.")) {
      add(bag, name, value);
    }
  }
  return bag;
}

struct Telemetry {
  std::string property_bag;
  std::string body;
};

/// Errors: argument_invalid.
Result<Telemetry> read_one(amqp::Message&& message) {
  auto bag = property_bag_of(message);
  if (!bag) return bag.error();
  auto body = amqp::body_bytes(std::move(message));
  if (!body) return fail(Errc::argument_invalid, "The message's body has to be bytes");
  return Telemetry{std::move(*bag), std::move(*body)};
}

/// Errors: argument_invalid.
Result<std::vector<Telemetry>> read_alone(amqp::Message&& message) {
  auto one = read_one(std::move(message));
  if (!one) return one.error();
  std::vector<Telemetry> messages;
  messages.push_back(std::move(*one));
  return messages;
}

constexpr std::size_t batch_max = 500;             // messages, as in one batch of the cloud's HTTPS door
constexpr std::size_t batched_message_cost = 256;  // bytes that a message of a batch counts beside its own

/// Each data section of a batch is one encoded message, of one data section at most: several make a batch, and those are
/// not nested. Errors: argument_invalid.
Result<std::vector<Telemetry>> read_batch(const amqp::Message& batch) {
  if (batch.data.size() > batch_max) return fail(Errc::argument_invalid, "A batch may have 500 messages");
  std::vector<Telemetry> messages;
  for (const std::string& section : batch.data) {
    auto message = amqp::decode_message(section);
    if (!message) return message.error();
    if (message->data.size() > 1) return fail(Errc::argument_invalid, "A batch may hold no batch");
    auto one = read_one(std::move(*message));
    if (!one) return one.error();
    messages.push_back(std::move(*one));
  }
  if (messages.empty()) return fail(Errc::argument_invalid, "A batch without messages");
  return messages;
}

class TelemetrySender final : public DeviceLinkHandler {
 public:
  TelemetrySender(hub::Hub& hub, const amqp::AttachRequest& request) : hub_(hub), model_id_(model_in(request)) {}

  void on_attached() override {
    if (!model_id_.empty()) hub_.twins.announce_model(device().login().id, model_id_);
  }

  void on_delivery(amqp::Incoming&& delivery) override {
    auto message = amqp::decode_message(delivery.message);
    if (!message) return link().reject(delivery.number, condition_of(message.error()));
    const auto read = delivery.format == amqp::batch_format ? read_batch(*message) : read_alone(std::move(*message));
    if (!read) return link().reject(delivery.number, condition_of(read.error()));
    if (const auto refused = admit(*read)) return link().reject(delivery.number, condition_of(*refused));
    std::vector<hub::TelemetryMessage> messages;
    messages.reserve(read->size());
    for (const Telemetry& one : *read) {
      messages.push_back({.property_bag = one.property_bag, .body = one.body, .model_id = model_id_});
    }
    const auto overhead = static_cast<std::uint32_t>((messages.size() - 1) * batched_message_cost);
    link().connection().add_received(overhead);
    hub_.telemetry.ingest_batch(device().login(), messages,
                                link().when_done<TelemetrySender, void>(
                                    [number = delivery.number](TelemetrySender& self, const Result<void>& stored) {
                                      if (stored) return self.link().accept(number);
                                      self.link().reject(number, condition_of(stored.error()));
                                    },
                                    {static_cast<std::uint32_t>(delivery.message.size() + overhead),
                                     static_cast<std::uint32_t>(messages.size()), hub::Operation::telemetry}));
  }

 private:
  /// What is refused is refused as a whole; what was counted before stays counted, as for single messages.
  [[nodiscard]] std::optional<Error> admit(const std::vector<Telemetry>& messages) {
    std::chrono::microseconds wait{0};
    for (const Telemetry& one : messages) {
      const auto admission =
          hub_.gate.admit(device().login().id, hub::Operation::telemetry, one.property_bag.size() + one.body.size());
      if (admission.refusal != hub::Refusal::none)
        return hub_.gate.error_of(admission.refusal, hub::Operation::telemetry);
      wait = std::max(wait, std::chrono::microseconds(admission.wait));
    }
    link().withhold_credit(wait);
    return std::nullopt;
  }

  /// "" when the device announces none, or what is none.
  [[nodiscard]] static std::string model_in(const amqp::AttachRequest& request) {
    const amqp::Value* const model = request.properties.find("com.microsoft:model-id");
    return model != nullptr && model->is_text() && hub::is_model_id(model->text) ? model->text : std::string();
  }

  hub::Hub& hub_;
  const std::string model_id_;
};

}  // namespace

void add_device_links(LinkKinds& kinds, hub::Hub& hub) {
  for (const char* const address : {"devices/{}/messages/events", "devices/{}/modules/{}/messages/events"}) {
    kinds.push_back({.address = address,
                     .direction = Direction::peer_sends,
                     .needs = Needs::device,
                     .make = [&hub](const Attach& attach) {
                       return serve(std::make_unique<TelemetrySender>(hub, attach.request));
                     }});
  }
}

}  // namespace twinhub::amqp_door
