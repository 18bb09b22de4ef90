#include "server/events/routing_message.hpp"

#include "protocol/query/lexer.hpp"
#include "server/events/outgoing.hpp"

#include <array>
#include <future>
#include <memory>

namespace twinhub::events {
namespace {

struct SystemName {
  std::string_view in_conditions;
  std::string_view stored;
};
/// Source: azure-docs iot-hub-devguide-routing-query-syntax ("System properties").
constexpr std::array system_names = {
    SystemName{"contentType", "content-type"},
    SystemName{"contentEncoding", "content-encoding"},
    SystemName{"connectionDeviceId", "iothub-connection-device-id"},
    SystemName{"connectionModuleId", "iothub-connection-module-id"},
    SystemName{"connectionAuthMethod", "iothub-connection-auth-method"},
    SystemName{"connectionDeviceGenerationId", "iothub-connection-auth-generation-id"},
    SystemName{"messageId", "message-id"},
    SystemName{"correlationId", "correlation-id"},
    SystemName{"userId", "user-id"},
    SystemName{"creationTimeUtc", "iothub-creation-time-utc"},
};

/// A property in the form key without value counts as "".
std::string_view value_of(const iothub::Property& property) {
  return property.value ? std::string_view(*property.value) : std::string_view();
}

}  // namespace

std::optional<std::string_view> RoutingMessage::system_property(std::string_view name) {
  if (query::equals_ignoring_case(name, "enqueuedTime")) {
    if (enqueued_time_.empty()) enqueued_time_ = to_iso8601(event_.enqueued);
    return enqueued_time_;
  }
  std::string_view stored = name;
  for (const SystemName& known : system_names) {
    if (query::equals_ignoring_case(known.in_conditions, name)) stored = known.stored;
  }
  for (const auto& property : event_.system) {
    if (query::equals_ignoring_case(property.name, stored)) return value_of(property);
  }
  return std::nullopt;
}

std::optional<std::string_view> RoutingMessage::application_property(std::string_view name) {
  for (const auto& property : event_.application) {
    if (query::equals_ignoring_case(property.name, name)) return value_of(property);
  }
  return std::nullopt;
}

query::Row* RoutingMessage::twin() {
  if (!twin_read_) {
    twin_read_ = true;
    const auto read = store_.read(event_.id);
    if (!read || !read->entity.twin) return nullptr;
    if (!store_.is_durable(read->told_after)) {
      const auto durable = std::make_shared<std::promise<bool>>();
      store_.when_durable(read->told_after, [durable](const Result<void>& result, storage::Outbox&) {
        durable->set_value(result.has_value());
      });
      if (!durable->get_future().get()) return nullptr;
    }
    entity_ = read->entity;
    parts_.emplace(*entity_.identity, *entity_.twin);
    row_.emplace(*parts_);
  }
  return row_ ? &*row_ : nullptr;
}

query::RoutingCondition::Outcome matches(const query::RoutingCondition& condition, RoutingMessage& message) {
  return condition.evaluate(message);
}

}  // namespace twinhub::events
