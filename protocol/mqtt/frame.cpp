#include "protocol/mqtt/frame.hpp"

namespace twinhub::mqtt {

Frame read_frame(std::string_view input) {
  constexpr std::size_t length_bytes_max = 4;
  Frame frame;
  if (input.empty()) return frame;
  frame.first_byte = static_cast<std::uint8_t>(input[0]);
  std::size_t length = 0;
  for (std::size_t i = 1; i <= length_bytes_max; ++i) {
    if (i >= input.size()) return frame;
    const auto byte = static_cast<std::uint8_t>(input[i]);
    length |= static_cast<std::size_t>(byte & 0x7F) << (7 * (i - 1));
    if ((byte & 0x80) == 0) {
      frame.state = Frame::State::complete_header;
      frame.header_bytes = i + 1;
      frame.body_bytes = length;
      return frame;
    }
  }
  frame.state = Frame::State::malformed;
  return frame;
}

}  // namespace twinhub::mqtt
