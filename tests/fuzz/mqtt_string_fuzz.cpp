// Any bytes: what is made of them is a string that a strict broker takes, and text stays as it is.
#include "protocol/mqtt/mqtt_string.hpp"

#include "check.hpp"

#include <cstdint>
#include <string>

namespace {

/// A second reading of the escapes. REQUIRES: each is whole.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twinhub;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const std::string safe = mqtt::safe_string(bytes), level = mqtt::safe_topic_level(bytes);
  FUZZ_CHECK(mqtt::is_safe_string(safe) && mqtt::is_safe_string(level));
  FUZZ_CHECK(mqtt::safe_string(safe) == safe);
  FUZZ_CHECK((safe == bytes) == mqtt::is_safe_string(bytes));
  FUZZ_CHECK(level.find_first_of("/+#$") == std::string::npos);
  if (3 * size <= mqtt::string_bytes_max) FUZZ_CHECK(percent_decoded(level) == bytes);
  return 0;
}
