#include "server/amqp/event_attach.hpp"

#include "protocol/ascii.hpp"
#include "protocol/iothub/event_position.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/message_fields.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace twinhub::amqp_door {
namespace {

using amqp::Condition;
using iothub::EventPosition;

constexpr std::string_view filter_key = "apache.org:selector-filter:string";
constexpr std::string_view epoch_key = "com.microsoft:epoch";
constexpr std::string_view name_key = "com.microsoft:receiver-name";
constexpr std::string_view figures_capability = "com.microsoft:enable-receiver-runtime-metric";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower_ascii);
  return out;
}

/// JS clients make an error of its own of this text.
Condition no_entity(std::string_view what) {
  return make_condition(condition::not_found, "The messaging entity '" + shown_text(what) + "' could not be found.");
}

Condition bad_filter(std::string_view text) {
  return make_condition(condition::argument_error,
                        "The filter '" + shown_text(text) + "' is not a valid amqp filter for EventHub entities");
}

Condition beyond_end(std::string_view what, std::int64_t value, std::uint64_t next) {
  return make_condition(condition::argument_error, "The supplied " + std::string(what) + " '" + std::to_string(value) +
                                                       "' is invalid. The last " + std::string(what) +
                                                       " in the system is '" +
                                                       std::to_string(static_cast<std::int64_t>(next) - 1) + "'");
}

/// The text of the filter that decides; "" when there is none. Other filters are not for the hub: a client finds them
/// missing only in a hub that knows them.
std::variant<std::string, Condition> filter_text(const amqp::Value& filters) {
  const amqp::Value* found = nullptr;
  for (std::size_t i = 0; i + 1 < filters.items.size(); i += 2) {
    if (!filters.items[i].is_text() || filters.items[i].text != filter_key) continue;
    if (found != nullptr) return make_condition(condition::argument_error, "There is more than one filter");
    found = &filters.items[i + 1];
  }
  if (found == nullptr || found->is_null()) return std::string();
  if (found->type == amqp::Type::described) found = &found->items[1];
  const std::string* const chars = found->chars();
  if (chars == nullptr) return make_condition(condition::not_allowed, "The filter has to be a string");
  if (chars->empty()) return bad_filter("");
  return *chars;
}

/// Behind, or at, an event that has to be there.
std::variant<EventStart, Condition> start_at(const EventPosition& position, const storage::EventRange& range) {
  const auto number = static_cast<std::uint64_t>(position.value);
  if (number >= range.next) {
    return beyond_end(position.by == EventPosition::By::offset ? "offset" : "sequence number", position.value,
                      range.next);
  }
  return EventStart{std::max(range.first, position.inclusive ? number : number + 1)};
}

std::variant<EventStart, Condition> start_of(const amqp::Value& filters, const storage::EventRange& range) {
  auto text = filter_text(filters);
  if (auto* const refusal = std::get_if<Condition>(&text)) return std::move(*refusal);
  const std::string& filter = std::get<std::string>(text);
  if (filter.empty()) return EventStart{range.first};
  const auto position = iothub::parse_event_position(filter);
  if (!position) return bad_filter(filter);
  using By = EventPosition::By;
  switch (position->by) {
    case By::start:
      return EventStart{range.first};
    case By::latest:
      return EventStart{range.next};
    case By::enqueued_time: {
      // Clients see whole milliseconds: later than one is from the next one on.
      const bool is_last = position->value == std::numeric_limits<std::int64_t>::max();
      return EventStart{0, timestamp_of(position->value + (position->inclusive || is_last ? 0 : 1))};
    }
    case By::offset:
    case By::sequence_number:
      break;
  }
  return start_at(*position, range);
}

}  // namespace

EventRules::EventRules(std::string entity, const std::vector<std::string>& consumer_groups)
    : entity_(lower(entity)), groups_{lower(default_group)} {
  for (const std::string& group : consumer_groups) groups_.push_back(lower(group));
}

bool EventRules::is_entity(std::string_view name) const { return equals_ignoring_case(name, entity_); }

std::optional<std::uint32_t> EventRules::partition_of(std::string_view text, std::uint32_t partitions) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number >= partitions) return std::nullopt;
  return number;
}

std::variant<EventRequest, Condition> EventRules::check(const Attach& attach, const events::EventFeed& feed) const {
  const std::string& entity = attach.captured[0];
  const std::string group = lower(attach.captured[1]);
  if (!is_entity(entity)) return no_entity(entity);
  if (std::find(groups_.begin(), groups_.end(), group) == groups_.end()) {
    return no_entity(entity + "/ConsumerGroups/" + attach.captured[1]);
  }
  const auto partition = partition_of(attach.captured[2], feed.partitions());
  if (!partition) {
    return make_condition(condition::argument_out_of_range,
                          "The specified partition is invalid for an EventHub partition sender or receiver. It should "
                          "be between 0 and " +
                              std::to_string(feed.partitions() - 1) + ".");
  }
  auto start = start_of(attach.request.source_filter, feed.range(*partition));
  if (auto* const refusal = std::get_if<Condition>(&start)) return std::move(*refusal);

  EventRequest asked;
  asked.reader.group = group;
  asked.reader.partition = *partition;
  asked.reader.lane = &attach.connection.lane();
  asked.reader.connection = attach.connection.id();
  const amqp::Value& properties = attach.request.properties;
  if (const amqp::Value* const name = properties.find(name_key); name != nullptr && name->is_text())
    asked.reader.name = shown_text(name->text);
  if (const amqp::Value* const epoch = properties.find(epoch_key); epoch != nullptr && !epoch->is_null()) {
    asked.reader.epoch = epoch->integer();
    if (!asked.reader.epoch || *asked.reader.epoch < 0)
      return make_condition(condition::argument_error, "com.microsoft:epoch has to be a whole number, 0 or more");
  }
  asked.start = std::get<EventStart>(start);
  const auto& capabilities = attach.request.desired_capabilities;
  asked.wants_figures = std::find(capabilities.begin(), capabilities.end(), figures_capability) != capabilities.end();
  return asked;
}

}  // namespace twinhub::amqp_door
