// Any bytes as every other record that the hub keeps: an Error or a value, and the value is written and read again as
// the same.
#include "storage/format/keys.hpp"
#include "storage/format/message_record.hpp"
#include "storage/format/record.hpp"

#include "check.hpp"

#include <cstdint>
#include <string>

namespace {

using namespace twinhub;
using namespace twinhub::storage;

std::string bytes_of(const auto& value) {
  std::string out;
  encode(out, value);
  return out;
}

/// What is read, written and read again has the same bytes: numbers that stand for true and for formats of before do
/// not.
template <class Decode>
void check(std::string_view bytes, Decode decode) {
  const auto value = decode(bytes);
  if (!value) return;
  const std::string once = bytes_of(*value);
  const auto again = decode(once);
  FUZZ_CHECK(again && bytes_of(*again) == once);
}

void check_keys(std::string_view bytes) {
  if (const auto id = parse_entity_key(bytes)) FUZZ_CHECK(entity_key(*id) == bytes);
  if (const auto key = parse_event_key(bytes)) FUZZ_CHECK(event_key(key->partition, key->sequence_number) == bytes);
  if (const auto key = parse_message_key(bytes)) {
    FUZZ_CHECK(message_key(key->device, key->part, key->sequence_number) == bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes, [](std::string_view text) { return decode_identity({"d", "m"}, text); });
  check(bytes, decode_session);
  check(bytes, decode_message_header);
  check(bytes, decode_message_content);
  check(bytes, decode_feedback);
  if (const auto number = decode_next_sequence_number(bytes)) {
    FUZZ_CHECK(encode_next_sequence_number(*number) == bytes);
  }
  check_keys(bytes);
  return 0;
}
