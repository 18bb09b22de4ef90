// What the hub says in one frame has to fit into the peer's: a message may be cut into several TRANSFERs, any other
// performative stands in one.
// Source: OASIS AMQP 1.0 part 2, section 2.8.15 (frame-size-too-small).
#pragma once

#include "server/amqp/engine/engine.hpp"

#include <proton/link.h>
#include <cstddef>
#include <cstdint>

namespace twinhub::amqp {

inline constexpr const char* frame_size_too_small = "amqp:frame-size-too-small";

/// How much of the answer to an ATTACH fits into a frame of the peer's.
enum class Echo : std::uint8_t {
  whole,
  without_optional,  ///< the termini without properties, capabilities and outcomes
  refused,           ///< termini without address and filter, which says that there is no link
  none,              ///< not even its name
};
/// REQUIRES: the hub has not answered the ATTACH of `link`.
[[nodiscard]] Echo echo_that_fits(pn_link_t* link, std::size_t frame_bytes_max);
/// Makes the link's own termini what of the peer's is echoed.
void echo_termini(pn_link_t* link, Echo echo);

/// `condition`, its description cut as far as it takes for a DISPOSITION, DETACH, END or CLOSE to fit. One whose name and
/// info are too long becomes frame_size_too_small.
[[nodiscard]] Condition fitted(Condition condition, std::size_t frame_bytes_max);

}  // namespace twinhub::amqp
