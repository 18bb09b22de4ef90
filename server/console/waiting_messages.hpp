// What waits for a device and what became of what it was sent, to be looked at: nothing is delivered, taken or settled.
#pragma once

#include "server/hub/hub.hpp"

#include <cstddef>
#include <string>

namespace twinhub::console {

/// Of a message's body; the rest is not shown.
inline constexpr std::size_t shown_body_bytes_max = 4096;
/// Feedback records at most.
inline constexpr std::size_t shown_feedback_max = 50;

/// {"deviceId":...,"messages":[{"sequenceNumber":1,"state":"enqueued","body":...},...],"feedback":[...]}
///
///   state     enqueued; invisible: a connection has it, and has not settled it
///   body      text, or bodyBase64; cut at shown_body_bytes_max with bodyCut, bodyBytes says how long it is
///   feedback  as back ends get it, of what none has taken yet; the newest first
///
/// Errors: those of hub::CloudToDevice::look().
[[nodiscard]] Result<std::string> waiting_messages_json(hub::Hub& hub, const std::string& device);

}  // namespace twinhub::console
