// Any bytes as an AMQP message, and as a frame's performative: what is read can be written, and is then read as the
// same.
#include "protocol/amqp/decode.hpp"
#include "protocol/amqp/link_address.hpp"
#include "protocol/amqp/message.hpp"
#include "protocol/amqp/performative.hpp"

#include "check.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twinhub;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto message = amqp::decode_message(bytes)) {
    (void)amqp::body_bytes(*message);
    (void)amqp::to_text(message->properties.message_id);
  }
  if (const auto performative = amqp::read_performative(bytes)) {
    (void)amqp::desired_capabilities(*performative);
    std::string padded;
    if (amqp::append_padded(padded, bytes, 1 << 20)) FUZZ_CHECK(amqp::read_performative(padded).has_value());
  }
  if (const auto segments = amqp::parse_link_address(bytes)) (void)amqp::match_address("devices/{}/**", *segments);
  return 0;
}
