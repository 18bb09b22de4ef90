#include "protocol/mqtt/mqtt_string.hpp"

#include "protocol/percent.hpp"
#include "protocol/utf8.hpp"

#include <algorithm>
#include <cstdint>

namespace twinhub::mqtt {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// Bytes of the safe character that `text` starts with; 0 when there is none.
std::size_t safe_bytes(std::string_view text) {
  const std::size_t bytes = utf8_sequence_bytes(text);
  if (bytes == 0) return 0;
  const std::uint32_t point = utf8_code_point(text.substr(0, bytes));
  return is_control(point) || is_noncharacter(point) ? 0 : bytes;
}

/// Bytes that one replacement stands for. REQUIRES: `text` is not empty.
std::size_t unsafe_bytes(std::string_view text) { return std::max<std::size_t>(utf8_sequence_bytes(text), 1); }

/// Writes the safe form of `bytes`: `append(out, character, is_safe)` for one after the other, until the string is
/// full.
template <class Append>
std::string written(std::string_view bytes, Append append) {
  std::string out;
  out.reserve(std::min(bytes.size(), string_bytes_max));
  while (!bytes.empty()) {
    const std::size_t safe = safe_bytes(bytes);
    const std::size_t taken = safe > 0 ? safe : unsafe_bytes(bytes);
    const std::size_t before = out.size();
    append(out, bytes.substr(0, taken), safe > 0);
    if (out.size() > string_bytes_max) {
      out.resize(before);
      break;
    }
    bytes.remove_prefix(taken);
  }
  return out;
}

}  // namespace

bool is_safe_string(std::string_view bytes) {
  if (bytes.size() > string_bytes_max) return false;
  while (!bytes.empty()) {
    const std::size_t safe = safe_bytes(bytes);
    if (safe == 0) return false;
    bytes.remove_prefix(safe);
  }
  return true;
}

std::string safe_string(std::string_view bytes) {
  return written(bytes, [](std::string& out, std::string_view character, bool is_safe) {
    out += is_safe ? character : replacement;
  });
}

std::string safe_topic_level(std::string_view bytes) {
  return written(bytes, [](std::string& out, std::string_view character, bool is_safe) {
    constexpr std::string_view has_a_meaning = "/+#$%";
    if (is_safe && has_a_meaning.find(character) == std::string_view::npos) {
      out += character;
    } else {
      for (const char c : character) append_percent_encoded(out, c);
    }
  });
}

}  // namespace twinhub::mqtt
