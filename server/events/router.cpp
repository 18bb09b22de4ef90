#include "server/events/router.hpp"

#include "server/events/outgoing.hpp"

#include <algorithm>

namespace twinhub::events {
namespace {

constexpr std::size_t message_bytes_max = 256 * 1024;

std::size_t counted_bytes(const storage::Event& event) {
  std::size_t bytes = event.body.size();
  for (const auto* properties : {&event.system, &event.application}) {
    for (const auto& property : *properties)
      bytes += property.name.size() + (property.value ? property.value->size() : 0);
  }
  return bytes;
}

void set(std::vector<iothub::Property>& properties, const std::string& name, std::string value) {
  const auto known = std::find_if(properties.begin(), properties.end(), [&](const auto& p) { return p.name == name; });
  if (known != properties.end()) {
    known->value = std::move(value);
  } else {
    properties.push_back({name, std::move(value)});
  }
}

}  // namespace

Result<Router> Router::make(RouterOptions options) {
  Router router(std::move(options));
  for (const Route& route : router.options_.routes) {
    auto condition = query::RoutingCondition::parse(route.condition);
    if (!condition) {
      return fail(Errc::argument_invalid, route.place + ": the condition of route '" + route.name +
                                              "' is wrong at position " + std::to_string(condition.error().position) +
                                              ": " + condition.error().what + " (in: " + route.condition + ")");
    }
    router.conditions_.push_back(std::move(*condition));
  }
  return router;
}

Router::Decision Router::decide(RoutingMessage& message) const {
  Decision decision;
  bool matched_any = false;
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    const Route& route = options_.routes[i];
    if (!route.enabled || route.source != message.event().source) continue;
    const auto outcome = matches(conditions_[i], message);
    if (outcome == query::RoutingCondition::Outcome::undefined) ++decision.undefined_conditions;
    if (outcome != query::RoutingCondition::Outcome::matched) continue;
    matched_any = true;
    decision.endpoints |= route.endpoints;
  }
  if (!matched_any && message.event().source == storage::EventSource::telemetry)
    decision.endpoints |= options_.fallback;
  return decision;
}

bool Router::enriches(std::size_t endpoint) const {
  return std::any_of(options_.enrichments.begin(), options_.enrichments.end(),
                     [&](const Enrichment& enrichment) { return enrichment.endpoints.test(endpoint); });
}

std::optional<storage::Event> Router::enrich(storage::Event event, std::size_t endpoint, storage::Store& store) const {
  storage::Event sender;  // its twin is all that enrichments read
  sender.id = event.id;
  RoutingMessage message(sender, store);
  bool enriched = false;
  for (const Enrichment& enrichment : options_.enrichments) {
    if (!enrichment.endpoints.test(endpoint)) continue;
    enriched = true;
    std::string value = enrichment.value;
    if (value == "$iothubname") {
      value = options_.hub_name;
    } else if (value.starts_with("$twin.")) {
      // A path that leads nowhere is added as it is written.
      query::Row* const twin = message.twin();
      if (auto found = twin == nullptr ? std::nullopt : query::twin_value(value, *twin)) value = std::move(*found);
    }
    set(event.application, enrichment.key, std::move(value));
  }
  if (enriched && counted_bytes(event) > message_bytes_max) return std::nullopt;
  return event;
}

}  // namespace twinhub::events
