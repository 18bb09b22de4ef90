// $management of the Event Hubs-compatible endpoint: what the event hub is, and how far each partition has come. Event
// Hubs clients ask before they read.
//
//   request   application properties: operation READ, type, name, partition, security_token
//   reply     application properties: status-code, status-description, and error-condition; body: a map
//
// Source: azure-docs event-hubs-amqp-protocol, "AMQP management"; azure-sdk-for-js managementClient.ts;
// azure-sdk-for-python azure/eventhub/_producer_client_base (_management_request).
#include "protocol/amqp/message.hpp"
#include "protocol/ascii.hpp"
#include "protocol/iothub/property_bag.hpp"
#include "server/amqp/amqp_door.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/event_attach.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/amqp/message_fields.hpp"
#include "server/amqp/reply_link.hpp"

namespace twinhub::amqp_door {
namespace {

using amqp::Value;

constexpr std::string_view event_hub_type = "com.microsoft:eventhub";
constexpr std::string_view partition_type = "com.microsoft:partition";

/// A property as text: numbers, too. pyamqp describes its token's value by the token itself.
std::string text_property(const amqp::Message& message, std::string_view name) {
  const Value* found = message.application_properties.find(name);
  if (found == nullptr) return {};
  if (found->type == amqp::Type::described) found = &found->items[1];
  if (found->type == amqp::Type::binary) return found->text;
  return to_text(*found).value_or("");
}

struct Answer {
  std::int32_t code = 200;
  std::string description = "OK";
  std::string_view condition = {};  ///< of a refusal
  std::optional<Value> body = {};
};

Answer refusal(std::int32_t code, std::string_view condition, std::string description) {
  return {code, std::move(description), condition, std::nullopt};
}

std::string encode_reply(const Value& request_id, Answer answer) {
  amqp::Message reply;
  reply.properties.correlation_id = request_id;
  Value& properties = reply.application_properties;
  properties.add(Value::string("status-code"), Value::int32(answer.code));
  properties.add(Value::string("status-description"), Value::string(std::move(answer.description)));
  if (!answer.condition.empty())
    properties.add(Value::string("error-condition"), Value::symbol(std::string(answer.condition)));
  reply.value = std::move(answer.body);
  return encode_message(reply);
}

class EventHubInfo final : public LinkHandler {
 public:
  EventHubInfo(hub::Hub& hub, const DoorOptions& options) : hub_(hub), options_(options) {}

  void on_delivery(amqp::Incoming&& delivery) override {
    const auto request = amqp::decode_message(delivery.message);
    if (!request) return link().reject(delivery.number, condition_of(request.error()));
    if (!is_request_id(request->properties.message_id)) {
      return link().reject(delivery.number, make_condition(condition::argument_error, "An id may have 256 bytes"));
    }
    Answer answer = this->answer(*request);
    if (link().connection().closed()) return;
    // The disposition leaves before the reply: the engine's send() sees to that.
    link().accept(delivery.number);
    const Value& id = request->properties.message_id;
    if (id.is_null()) return;
    link().connection().reply(link().session(), link().kind().address, encode_reply(id, std::move(answer)));
  }

 private:
  [[nodiscard]] Answer answer(const amqp::Message& request) {
    if (!may_ask(request)) return refusal(401, condition::unauthorized, "Unauthorized");
    const std::string type = text_property(request, "type");
    const bool of_hub = equals_ignoring_case(type, event_hub_type);
    if (!equals_ignoring_case(text_property(request, "operation"), "READ") ||
        (!of_hub && !equals_ignoring_case(type, partition_type))) {
      return refusal(501, condition::not_implemented, "An event hub or a partition can be read, and nothing else done");
    }
    const std::string name = text_property(request, "name");
    if (!equals_ignoring_case(name, options_.hub_name)) {
      // Event Hubs clients look for these words.
      return refusal(404, condition::not_found, "The messaging entity '" + shown_text(name) + "' could not be found.");
    }
    return of_hub ? event_hub() : partition(text_property(request, "partition"));
  }

  /// By what the connection has proved, or else by the token that the request itself brings, which then counts like one
  /// of $cbs.
  [[nodiscard]] bool may_ask(const amqp::Message& request) {
    const iothub::ResourcePath path{options_.hub_name, "$management"};
    Connection& connection = link().connection();
    const std::uint64_t now = iothub::unix_seconds(hub_.clock.wall());
    if (connection.access().may(hub::Right::service_connect, path, now)) return true;
    const std::string token = text_property(request, "security_token");
    if (token.empty() && connection.access().is_empty()) {
      connection.note_refused_request(link().kind().address,
                                      {Reason::no_credentials, "Neither it nor the connection brought a token."});
      return false;
    }
    const std::string audience = "sb://hub/" + iothub::percent_encode(options_.hub_name) + "/$management";
    // A token that is not taken leaves its own notice.
    if (!token.empty() && !connection.put_token(audience, token, link().kind().address)) return false;
    if (connection.access().may(hub::Right::service_connect, path, now)) return true;
    connection.note_refused_request(
        link().kind().address, {Reason::policy_rights, "No token of the connection opens it with ServiceConnect."});
    return false;
  }

  [[nodiscard]] Answer event_hub() const {
    const std::size_t partitions = hub_.store.event_ranges().size();
    std::vector<Value> ids;
    for (std::size_t i = 0; i < partitions; ++i) ids.push_back(Value::string(std::to_string(i)));
    return {.body = Value::map({
                Value::string("name"),
                Value::string(options_.hub_name),
                Value::string("type"),
                Value::string(std::string(event_hub_type)),
                Value::string("created_at"),
                Value::timestamp(milliseconds_of(options_.created)),
                Value::string("partition_count"),
                Value::int32(static_cast<std::int32_t>(partitions)),
                Value::string("partition_ids"),
                Value::array(std::move(ids)),
                Value::string("georeplication_factor"),
                Value::int32(1),
            })};
  }

  [[nodiscard]] Answer partition(const std::string& id) const {
    const auto ranges = hub_.store.event_ranges();
    const auto number = EventRules::partition_of(id, static_cast<std::uint32_t>(ranges.size()));
    if (!number) {
      return refusal(
          400, condition::argument_out_of_range,
          "There is no partition '" + shown_text(id) + "': there are 0 to " + std::to_string(ranges.size() - 1));
    }
    const storage::EventRange range = ranges[*number];
    const std::int64_t last = static_cast<std::int64_t>(range.next) - 1;  // -1: nothing was ever written
    return {.body = Value::map({
                Value::string("name"),
                Value::string(options_.hub_name),
                Value::string("type"),
                Value::string(std::string(partition_type)),
                Value::string("partition"),
                Value::string(std::to_string(*number)),
                Value::string("begin_sequence_number"),
                Value::int64(last < 0 ? -1 : static_cast<std::int64_t>(range.first)),
                Value::string("last_enqueued_sequence_number"),
                Value::int64(last),
                Value::string("last_enqueued_offset"),
                Value::string(std::to_string(last)),
                Value::string("last_enqueued_time_utc"),
                Value::timestamp(milliseconds_of(hub_.store.newest_event(*number))),
                Value::string("is_partition_empty"),
                Value::boolean(range.first == range.next),
            })};
  }

  hub::Hub& hub_;
  const DoorOptions& options_;
};

}  // namespace

void add_event_hub_info_links(LinkKinds& kinds, hub::Hub& hub, const DoorOptions& options) {
  constexpr std::size_t message_bytes_max = 64 * 1024;
  for (const std::string& address : {std::string("$management"), options.hub_name + "/$management"}) {
    // The request may bring the token that opens the link: each is looked at for itself.
    kinds.push_back(
        {.address = address,
         .direction = Direction::peer_sends,
         .make = [&hub, &options](const Attach&) { return serve(std::make_unique<EventHubInfo>(hub, options)); },
         .message_bytes_max = message_bytes_max,
         .links_max = shared_links_max});
    kinds.push_back({.address = address,
                     .direction = Direction::peer_receives,
                     .make = [](const Attach&) { return serve(std::make_unique<ReplyLink>()); },
                     .links_max = shared_links_max});
  }
}

}  // namespace twinhub::amqp_door
