// What an ATTACH of a reader of events asks for, or why it is refused.
#pragma once

#include "server/amqp/event_readers.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/events/event_feed.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace twinhub::amqp_door {

/// Where a reader begins: at a position, or with the first event that was appended at a moment or later.
struct EventStart {
  std::uint64_t position = 0;
  std::optional<Timestamp> since = {};
};

struct EventRequest {
  EventReaders::Reader reader = {};
  EventStart start = {};
  bool wants_figures = false;
};

/// Which entity, consumer groups and partitions there are. One object serves several threads: it may not be changed.
class EventRules {
 public:
  static constexpr std::string_view default_group = "$Default";

  /// `consumer_groups`: beside the default one.
  EventRules(std::string entity, const std::vector<std::string>& consumer_groups);

  /// Whether an address names the hub's entity, in any case.
  [[nodiscard]] bool is_entity(std::string_view name) const;
  /// The partition of that number; nullopt when there is none.
  [[nodiscard]] static std::optional<std::uint32_t> partition_of(std::string_view text, std::uint32_t partitions);

  /// In this order: entity, group, partition, filter, epoch.
  [[nodiscard]] std::variant<EventRequest, amqp::Condition> check(const Attach& attach,
                                                                  const events::EventFeed& feed) const;

 private:
  const std::string entity_;
  std::vector<std::string> groups_;  ///< in lower case
};

}  // namespace twinhub::amqp_door
