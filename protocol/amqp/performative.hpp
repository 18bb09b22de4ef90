// What the hub has to know of AMQP performatives beyond what the engine shows: their full lists, and fields of ATTACH.
// Clients of the cloud index the fields of a performative blindly, and the cloud writes trailing nulls out.
// Source: OASIS AMQP 1.0 part 2, section 2.7 ("Performatives"); azure-sdk-for-python _pyamqp.
#pragma once

#include "protocol/amqp/value.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::amqp {

namespace performative {
inline constexpr std::uint8_t open = 0x10, begin = 0x11, attach = 0x12, flow = 0x13, transfer = 0x14,
                              disposition = 0x15, detach = 0x16, end = 0x17, close = 0x18;
}  // namespace performative

/// The highest handle of a session, as the hub announces it in BEGIN.
inline constexpr std::uint32_t handle_max = 262'143;

/// Appends the frame's `body` (a performative, and a transfer's payload) to `out` with its list filled up with nulls to
/// the full number of fields, and BEGIN's handle-max set; an `error` in it is written whole, too. False, and nothing
/// appended: the body is no performative with a list, or would be longer than `bytes_max`.
[[nodiscard]] bool append_padded(std::string& out, std::string_view body, std::size_t bytes_max);

/// Appends a frame around the encoded performative.
void append_frame(std::string& out, std::string_view body, std::uint16_t channel);
/// A whole frame with a performative.
[[nodiscard]] std::string frame_of(std::uint8_t code, const std::vector<Value>& fields, std::uint16_t channel);

/// A frame body's performative, its values bounded in number and depth.
struct Performative {
  std::uint8_t code = 0;
  std::vector<Value> fields;  ///< as many as the peer wrote

  /// The integer at `index`; `absent` when it was not written, or is null or no integer.
  [[nodiscard]] std::int64_t integer(std::size_t index, std::int64_t absent) const;
};
/// What comes after it is a transfer's payload. nullopt: the body is no performative.
[[nodiscard]] std::optional<Performative> read_performative(std::string_view body);

/// A TRANSFER of the peer's. Views point into the frame.
struct Transfer {
  std::uint32_t handle = 0;
  std::optional<std::uint32_t> delivery_id = {};
  std::optional<std::string_view> tag = {};
  std::uint32_t format = 0;
  bool settled = false, more = false, aborted = false;
  std::string_view payload = {};  ///< a part of a message
  bool well_typed = true;         ///< its fields are of the types that they have to be
};
/// The same for a TRANSFER, which comes for each message.
[[nodiscard]] std::optional<Transfer> read_transfer(std::string_view body);
/// The code of a performative; nullopt: the body is none.
[[nodiscard]] std::optional<std::uint8_t> performative_code(std::string_view body);

/// What comes behind the performative of a frame body: a transfer's part of a message; empty when there is none.
[[nodiscard]] std::string_view payload_behind(std::string_view body);

// REQUIRES: an ATTACH. The maps are empty where there are none.
[[nodiscard]] const Value& attach_properties(const Performative& attach);
[[nodiscard]] const Value& source_filter(const Performative& attach);
[[nodiscard]] std::vector<std::string> desired_capabilities(const Performative& attach);

}  // namespace twinhub::amqp
