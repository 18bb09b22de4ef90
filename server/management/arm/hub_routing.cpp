// Routes tried out, the endpoints' health, and the consumer groups of the built-in endpoint.
// Source: azure-rest-api-specs iothub.json ("IotHubResource_TestAllRoutes", "..._TestRoute", "..._GetEndpointHealth",
// "EventHubConsumerGroupInfo").
#include "protocol/json/text.hpp"
#include "protocol/query/routing_condition.hpp"
#include "protocol/query/twin_row.hpp"
#include "protocol/twin/patch.hpp"
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/handlers.hpp"
#include "server/management/arm/hub_document.hpp"

#include <utility>

namespace twinhub::management {
namespace {

using Outcome = query::RoutingCondition::Outcome;
using Properties = std::vector<std::pair<std::string, std::string>>;

/// The texts of an object's members; other values as their JSON.
Properties read_properties(json::Value message, std::string_view member) {
  Properties properties;
  const auto object = message.find(member);
  if (!object || !object->is_object()) return properties;
  for (const json::Value property : *object)
    properties.emplace_back(json::unescape(property.key_text()),
                            property.string().value_or(std::string(property.text())));
  return properties;
}

/// A twin as the request has it: {tags, properties: {desired, reported}}, under the rules of a twin of the hub.
Result<twin::Twin> read_twin(json::Value sent, Timestamp now) {
  auto changed = twin::apply_service_patch(twin::make_twin(now), sent.text(), now);
  if (!changed) return changed.error();
  const auto properties = sent.find("properties");
  const auto reported = properties ? properties->find("reported") : std::nullopt;
  if (!reported || !reported->is_object()) return std::move(changed->after);
  return twin::apply_reported_patch(changed->after, reported->text(), std::nullopt, now);
}

/// The message of a test, which never was in the hub.
class SentMessage final : public query::MessageView {
 public:
  static Result<SentMessage> read(json::Value request, Timestamp now) {
    SentMessage message;
    const auto sent = request.find("message");
    if (sent && sent->is_object()) {
      const auto body = sent->find("body");
      if (body) message.body_ = body->string().value_or(std::string(body->text()));
      message.application_ = read_properties(*sent, "appProperties");
      message.system_ = read_properties(*sent, "systemProperties");
    }
    const auto twin = request.find("twin");
    if (!twin || !twin->is_object()) return message;
    auto made = read_twin(*twin, now);
    if (!made) return made.error();
    message.twin_ = std::move(*made);
    return message;
  }

  std::optional<std::string_view> system_property(std::string_view name) override { return find(system_, name); }
  std::optional<std::string_view> application_property(std::string_view name) override {
    return find(application_, name);
  }
  std::string_view body() override { return body_; }
  query::Row* twin() override {
    if (!twin_) return nullptr;
    if (!row_) row_.emplace(parts_.emplace(identity_, *twin_));
    return &*row_;
  }

 private:
  static std::optional<std::string_view> find(const Properties& properties, std::string_view name) {
    for (const auto& [key, value] : properties) {
      if (same_name(key, name)) return value;
    }
    return std::nullopt;
  }

  std::string body_;
  Properties application_;
  Properties system_;
  iothub::Identity identity_;
  std::optional<twin::Twin> twin_;
  std::optional<query::MemoryParts> parts_;  // of identity_ and twin_: made when the message stays where it is
  std::optional<query::TwinRow> row_;
};

std::string text_of(json::Value object, std::string_view member, std::string_view otherwise) {
  const auto found = object.find(member);
  return found ? found->string().value_or(std::string(otherwise)) : std::string(otherwise);
}

std::string error_details(const query::SyntaxError& error) {
  const std::string place = JsonObject().number("line", 1).number("column", error.position + 1).close();
  return JsonObject()
      .raw("compilationErrors",
           json_list({JsonObject()
                          .text("message", error.what)
                          .text("severity", "error")
                          .raw("location", JsonObject().raw("start", place).raw("end", place).close())
                          .close()}))
      .close();
}

bool is_built_in_endpoint(const ArmCall& call) { return same_name(call.names[2], "events"); }

ArmAnswer no_endpoint(const ArmCall& call) {
  return refusal(404, "ResourceNotFound", "The hub has no Event Hubs-compatible endpoint '" + call.names[2] + "'.");
}

std::string consumer_group(const ArmCall& call) {
  return JsonObject()
      .raw("properties", JsonObject().text("created", to_rfc1123(call.hub.created)).close())
      .text("id", hub_id(call.context, call.hub) + "/eventHubEndpoints/events/ConsumerGroups/%24Default")
      .text("name", "$Default")
      .text("type", "Microsoft.Devices/IotHubs/EventHubEndpoints/ConsumerGroups")
      .text("etag", twin_etag(1))
      .close();
}

bool is_default_group(const ArmCall& call) { return same_name(call.names[3], "$Default"); }

}  // namespace

ArmAnswer endpoints_health(ArmCall& call) {
  std::vector<std::string> endpoints{JsonObject().text("endpointId", "events").text("healthStatus", "healthy").close()};
  const auto& health = call.context.options.endpoint_health;
  if (!health) return document(value_list(endpoints));
  for (const EndpointHealth& endpoint : health()) {
    endpoints.push_back(JsonObject()
                            .text("endpointId", endpoint.name)
                            .text("healthStatus", endpoint.healthy ? "healthy" : "unhealthy")
                            .close());
  }
  return document(value_list(endpoints));
}

ArmAnswer test_all_routes(ArmCall& call) {
  const auto body = read_object(call.request);
  if (!body) return body.error();
  auto message = SentMessage::read(body->root(), call.context.hub.clock.now());
  if (!message) return refusal(message.error(), "twin");
  const std::string source = text_of(body->root(), "routingSource", "DeviceMessages");
  std::vector<std::string> matched;
  for (const ShownRoute& route : call.context.options.routing.routes) {
    if (!route.enabled || !same_name(route.source, source)) continue;
    const auto condition = query::RoutingCondition::parse(route.condition);
    if (condition && condition->evaluate(*message) == Outcome::matched)
      matched.push_back(JsonObject().raw("properties", route_document(route)).close());
  }
  return document(JsonObject().raw("routes", json_list(matched)).close());
}

ArmAnswer test_new_route(ArmCall& call) {
  const auto body = read_object(call.request);
  if (!body) return body.error();
  auto message = SentMessage::read(body->root(), call.context.hub.clock.now());
  if (!message) return refusal(message.error(), "twin");
  const auto route = body->root().find("route");
  if (!route || !route->is_object()) return refusal(400, "InvalidRequestContent", "The body holds no route.");
  const auto condition = query::RoutingCondition::parse(text_of(*route, "condition", "true"));
  if (!condition)
    return document(JsonObject().text("result", "undefined").raw("details", error_details(condition.error())).close());
  const Outcome outcome = condition->evaluate(*message);
  const std::string_view result = outcome == Outcome::matched       ? "true"
                                  : outcome == Outcome::not_matched ? "false"
                                                                    : "undefined";
  return document(JsonObject().text("result", result).raw("details", R"({"compilationErrors":[]})").close());
}

ArmAnswer list_consumer_groups(ArmCall& call) {
  if (!is_built_in_endpoint(call)) return no_endpoint(call);
  return document(value_list({consumer_group(call)}));
}

ArmAnswer get_consumer_group(ArmCall& call) {
  if (!is_built_in_endpoint(call)) return no_endpoint(call);
  if (is_default_group(call)) return document(consumer_group(call));
  return refusal(404, "ResourceNotFound", "There is no consumer group '" + call.names[3] + "'.");
}

ArmAnswer put_consumer_group(ArmCall& call) {
  if (!is_built_in_endpoint(call)) return no_endpoint(call);
  if (is_default_group(call)) return document(consumer_group(call));
  return refusal(
      400, "NotImplemented",
      "The hub has the consumer group $Default alone: its events are read over MQTT brokers, webhooks, files "
      "and the operations port.");
}

ArmAnswer delete_consumer_group(ArmCall& call) {
  if (!is_built_in_endpoint(call)) return no_endpoint(call);
  if (is_default_group(call)) return refusal(400, "BadRequest", "The consumer group $Default stays.");
  return {204};
}

}  // namespace twinhub::management
