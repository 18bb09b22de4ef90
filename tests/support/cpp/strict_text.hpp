// Text as the strictest readers judge it: a second reading of the rules, which shares nothing with the code that makes
// such text. Source: RFC 3629; MQTT 5.0, 1.5.4; Mosquitto's lib/utf8_mosq.c.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::testing {

/// nullopt when the text is not UTF-8.
inline std::optional<std::u32string> code_points(std::string_view text) {
  std::u32string points;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t bytes = byte < 0x80   ? 1
                              : byte < 0xC0 ? 0
                              : byte < 0xE0 ? 2
                              : byte < 0xF0 ? 3
                              : byte < 0xF8 ? 4
                                            : 0;
    if (bytes == 0 || i + bytes > text.size()) return std::nullopt;
    char32_t point = bytes == 1 ? byte : byte & (0x7FU >> bytes);
    for (std::size_t k = 1; k < bytes; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next < 0x80 || next > 0xBF) return std::nullopt;
      point = point << 6 | (next & 0x3FU);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[bytes] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return std::nullopt;
    points += point;
    i += bytes;
  }
  return points;
}

inline bool a_strict_broker_takes(std::string_view text) {
  if (text.size() > 65'535) return false;
  const auto points = code_points(text);
  return points && std::none_of(points->begin(), points->end(), [](char32_t p) {
           return p < 0x20 || (p >= 0x7F && p <= 0x9F) || (p >= 0xFDD0 && p <= 0xFDEF) || (p & 0xFFFE) == 0xFFFE;
         });
}

/// No control, and nothing that turns the direction of writing: one line, whatever shows it.
inline bool a_terminal_only_shows(std::string_view line) {
  const auto points = code_points(line);
  return points && std::none_of(points->begin(), points->end(), [](char32_t p) {
           return p < 0x20 || (p >= 0x7F && p <= 0x9F) || (p >= 0x202A && p <= 0x202E) || (p >= 0x2066 && p <= 0x2069);
         });
}

}  // namespace twinhub::testing
