// Any bytes as a peer's WebSocket frames. Where they were cut makes no difference to what is read; no more payload comes
// out than went in, and answers to pings take no more than the pings did.
//
// Input: [size of the pieces] [limit of a message, in 16 bytes] [bytes of the peer]
#include "server/wire/web_socket_frames.hpp"

#include "check.hpp"
#include "pieces.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace {

struct Read {
  std::string payload, pongs;
  std::optional<std::uint16_t> ended;
  bool operator==(const Read&) const = default;
};

Read read_in_pieces(std::string bytes, std::size_t piece, std::size_t message_bytes_max) {
  twinhub::wire::FrameReader reader(message_bytes_max);
  Read read;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::size_t size = std::min(piece, bytes.size() - at);
    const std::size_t payload = reader.take({bytes.data() + at, size}, read.pongs);
    FUZZ_CHECK(payload <= size);
    read.payload.append(bytes, at, payload);
  }
  read.ended = reader.ended();
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Pieces pieces(data, size);
  const std::size_t piece = std::max<std::size_t>(pieces.number<std::uint8_t>(), 1);
  const std::size_t message_bytes_max = pieces.number<std::uint8_t>() * std::size_t{16};
  const std::string bytes(pieces.rest());
  const Read whole = read_in_pieces(bytes, std::max<std::size_t>(bytes.size(), 1), message_bytes_max);
  FUZZ_CHECK(read_in_pieces(bytes, piece, message_bytes_max) == whole);
  FUZZ_CHECK(whole.payload.size() + whole.pongs.size() <= bytes.size());
  FUZZ_CHECK(!whole.ended || (*whole.ended >= 1000 && *whole.ended < 5000));
  return 0;
}
