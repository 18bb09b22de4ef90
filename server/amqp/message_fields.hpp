// What several kinds of links read from AMQP messages.
#pragma once

#include "protocol/amqp/message.hpp"
#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "server/amqp/engine/engine.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::amqp_door {

using TextPairs = std::vector<std::pair<std::string, std::string>>;
/// Of a message's annotations: those that are text, or can be (amqp::to_text).
[[nodiscard]] TextPairs text_annotations(const amqp::Value& map);
/// A message's application properties, each value as text: IoT Hub's other protocols have no other. Errors: argument_invalid, for a list, a
/// map, an array, bytes that are no text, or a name that is none (OASIS AMQP 1.0, 3.2.5).
[[nodiscard]] Result<TextPairs> text_properties(const amqp::Value& map);
/// What a client has written, as it may stand in an error: cut, and visible.
[[nodiscard]] std::string shown_text(std::string_view text);
/// Whether a request may have this id, which its answer has to repeat, and so waits with it.
[[nodiscard]] bool is_request_id(const amqp::Value& id);
/// Milliseconds since 1970; before that, and past the year 9999, the nearest moment that can be written.
[[nodiscard]] Timestamp timestamp_of(std::int64_t milliseconds);
[[nodiscard]] std::int64_t milliseconds_of(Timestamp at);

/// The delivery tag of a message under a lock: the token's 16 bytes in the order in which .NET makes a Guid of them.
/// REQUIRES: `lock_token` has the form of a GUID.
[[nodiscard]] std::string delivery_tag(std::string_view lock_token);

/// What a receiver wants to become of a message that the hub holds locked for it.
enum class Settlement : std::uint8_t { complete, reject, abandon };
/// No outcome at all is an abandoned message: nobody has said that it was dealt with.
[[nodiscard]] Settlement settlement_of(const amqp::Outcome& outcome);

}  // namespace twinhub::amqp_door
