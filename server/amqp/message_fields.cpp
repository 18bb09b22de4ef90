#include "server/amqp/message_fields.hpp"

#include "protocol/json/text.hpp"
#include "protocol/utf8.hpp"

#include <algorithm>
#include <cassert>

namespace twinhub::amqp_door {
namespace {

constexpr std::int64_t ticks_per_millisecond = ticks_per_second / 1000;
constexpr std::int64_t milliseconds_max = 253'402'300'799'999;  // the end of the year 9999

}  // namespace

Result<TextPairs> text_properties(const amqp::Value& map) {
  TextPairs pairs;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    const amqp::Value& name = map.items[i];
    const amqp::Value& value = map.items[i + 1];
    if (!name.is_text()) return fail(Errc::argument_invalid, "The name of a property has to be text");
    auto text = to_text(value);
    if (!text && value.type == amqp::Type::binary && json::is_utf8(value.text)) text = value.text;
    if (!text)
      return fail(Errc::argument_invalid,
                  "The property '" + shown_text(name.text) + "' has a value that cannot be text");
    pairs.emplace_back(name.text, std::move(*text));
  }
  return pairs;
}

TextPairs text_annotations(const amqp::Value& map) {
  TextPairs pairs;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    auto value = to_text(map.items[i + 1]);
    if (map.items[i].is_text() && value) pairs.emplace_back(map.items[i].text, std::move(*value));
  }
  return pairs;
}

std::string shown_text(std::string_view text) {
  constexpr std::size_t shown_bytes_max = 256;
  return visible_text(text.substr(0, shown_bytes_max));
}

bool is_request_id(const amqp::Value& id) {
  constexpr std::size_t id_bytes_max = 256;
  return id.text.size() <= id_bytes_max;
}

Timestamp timestamp_of(std::int64_t milliseconds) {
  const std::int64_t within = std::clamp<std::int64_t>(milliseconds, 0, milliseconds_max);
  return {unix_epoch_ticks + static_cast<std::uint64_t>(within * ticks_per_millisecond)};
}

std::int64_t milliseconds_of(Timestamp at) {
  if (at.ticks < unix_epoch_ticks) return 0;
  return static_cast<std::int64_t>(at.ticks - unix_epoch_ticks) / ticks_per_millisecond;
}

std::string delivery_tag(std::string_view lock_token) {
  auto tag = amqp::uuid_bytes(lock_token);
  assert(tag);
  // A Guid's first three fields are little-endian.
  std::reverse(tag->begin(), tag->begin() + 4);
  std::reverse(tag->begin() + 4, tag->begin() + 6);
  std::reverse(tag->begin() + 6, tag->begin() + 8);
  return std::move(*tag);
}

Settlement settlement_of(const amqp::Outcome& outcome) {
  using Kind = amqp::Outcome::Kind;
  switch (outcome.kind) {
    case Kind::accepted:
      return Settlement::complete;
    case Kind::rejected:
      return Settlement::reject;
    case Kind::modified:
      return outcome.undeliverable_here ? Settlement::reject : Settlement::abandon;
    case Kind::released:
    case Kind::none:
      break;
  }
  return Settlement::abandon;
}

}  // namespace twinhub::amqp_door
