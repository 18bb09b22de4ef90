// An event as a route's condition sees it.
#pragma once

#include "protocol/query/routing_condition.hpp"
#include "protocol/query/twin_row.hpp"
#include "storage/store.hpp"

#include <optional>
#include <string>

namespace twinhub::events {

/// One event with its sender's twin, which is read when a condition or enrichment first names it. One thread.
class RoutingMessage final : public query::MessageView {
 public:
  /// Both outlive it.
  RoutingMessage(const storage::Event& event, storage::Store& store) : event_(event), store_(store) {}

  [[nodiscard]] std::optional<std::string_view> system_property(std::string_view name) override;
  [[nodiscard]] std::optional<std::string_view> application_property(std::string_view name) override;
  [[nodiscard]] std::string_view body() override { return event_.body; }
  /// Waits until what it shows is durable: nothing unsynced leaves the hub. Null: there is no twin, or the store
  /// failed.
  [[nodiscard]] query::Row* twin() override;

  [[nodiscard]] const storage::Event& event() const { return event_; }

 private:
  const storage::Event& event_;
  storage::Store& store_;
  std::string enqueued_time_;
  bool twin_read_ = false;
  storage::Entity entity_;
  std::optional<query::MemoryParts> parts_;
  std::optional<query::TwinRow> row_;
};

/// Whether `condition` holds for the event; null and undefined do not.
[[nodiscard]] query::RoutingCondition::Outcome matches(const query::RoutingCondition& condition,
                                                       RoutingMessage& message);

}  // namespace twinhub::events
