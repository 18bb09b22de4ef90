// The next TLS record of a peer, looked at while it waits in the kernel (RFC 8446, 5.1):
//
//   | type 1 | version 2 | length 2 | length bytes |
//
// OpenSSL takes a record's header off the socket and keeps a buffer for the largest record until the rest has come: 32 KiB
// that a stranger gets for five bytes. So nothing is read of a stranger before a whole record is there.
#pragma once

#include <cstddef>

namespace twinhub::net {

struct RecordLook {
  enum class State : unsigned char {
    whole,
    incomplete,  ///< the descriptor becomes readable when the rest is there, or the peer has ended
    no_record,   ///< the peer has ended, its bytes are no record, or cannot be waited for: whoever reads finds out
  } state = State::no_record;
  int type = -1;          ///< -1: no byte has come
  std::size_t bytes = 0;  ///< of the record with its header; 0 while that is not there
};

inline constexpr int handshake_record = 22;
inline constexpr std::size_t record_header_bytes = 5;
/// 2^14 and what a cipher of TLS 1.2 may add (RFC 5246, 6.2.3).
inline constexpr std::size_t record_bytes_max = record_header_bytes + 16 * 1024 + 2048;

/// Looks without taking anything. A record that announces more than `bytes_max` is not waited for.
[[nodiscard]] RecordLook look_for_record(int descriptor, std::size_t bytes_max = record_bytes_max);

/// Has `descriptor` wait for `bytes`. False: it is readable all the same, and to wait for it would be to spin: the peer
/// has ended, or the kernel counts other bytes than it gives (urgent data), or has no room for more (a closed window).
[[nodiscard]] bool waits_for(int descriptor, std::size_t bytes);

/// Makes `descriptor` readable at `bytes` again (1 = as usual) after a look has asked for more.
void readable_with(int descriptor, std::size_t bytes);

}  // namespace twinhub::net
