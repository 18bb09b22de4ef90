// UTF-8 by the sequence: valid and invalid sequences, and how a code point is written. Source: RFC 3629.
// Whole texts are checked by json::is_utf8(), which is faster. And what foreign text may show to a person: visible_text().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub {

/// Bytes of the well-formed sequence that `text` starts with; 0 when there is none.
[[nodiscard]] inline std::size_t utf8_sequence_bytes(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (text.empty()) return 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && at(1) < 0xA0) return 0;  // overlong
    if (lead == 0xED && at(1) > 0x9F) return 0;  // surrogate
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && at(1) < 0x90) return 0;  // overlong
    if (lead == 0xF4 && at(1) > 0x8F) return 0;  // beyond U+10FFFF
    return 4;
  }
  return 0;
}

/// The code point of a well-formed sequence. REQUIRES: utf8_sequence_bytes(sequence) == sequence.size().
[[nodiscard]] inline std::uint32_t utf8_code_point(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence.front());
  if (sequence.size() == 1) return lead;
  std::uint32_t point = lead & (0xFFU >> (sequence.size() + 1));
  for (const char c : sequence.substr(1)) point = point << 6 | (static_cast<unsigned char>(c) & 0x3FU);
  return point;
}

/// C0, DEL and C1: what terminals act on and no protocol's text should hold.
[[nodiscard]] constexpr bool is_control(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point <= 0x9F);
}

/// Code points that Unicode keeps for no character at all, e.g. U+FFFF. (Unicode 15, 23.7)
[[nodiscard]] constexpr bool is_noncharacter(std::uint32_t point) {
  return (point >= 0xFDD0 && point <= 0xFDEF) || (point & 0xFFFEU) == 0xFFFE;
}

/// What turns the direction of writing, so that a line reads as something other than it is. (Unicode TR 9)
[[nodiscard]] constexpr bool turns_direction(std::uint32_t point) {
  return (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

/// REQUIRES: a code point up to U+10FFFF that is no surrogate.
inline void append_utf8(std::string& out, std::uint32_t point) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80U | (point >> shift & 0x3FU)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0U | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0U | point >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0U | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

/// Calls `each(sequence, point)` for every code point of `text`, and with an empty sequence and U+FFFD for every byte
/// that belongs to none.
template <class Each>
void for_each_code_point(std::string_view text, Each each) {
  constexpr std::uint32_t replacement = 0xFFFD;
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    if (bytes == 0) {
      each(std::string_view(), replacement);
      text.remove_prefix(1);
    } else {
      each(text.substr(0, bytes), utf8_code_point(text.substr(0, bytes)));
      text.remove_prefix(bytes);
    }
  }
}

/// Any bytes as one line for a terminal or a log: control characters (line ends too) and what turns the direction of
/// writing become \u00xx, which inside JSON means the same; bytes that are not UTF-8 become U+FFFD. Other text stays
/// as it is.
[[nodiscard]] inline std::string visible_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_code_point(text, [&out](std::string_view sequence, std::uint32_t point) {
    if (is_control(point) || turns_direction(point)) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) out += digits[point >> static_cast<unsigned>(shift) & 0xFU];
    } else if (sequence.empty()) {
      append_utf8(out, point);
    } else {
      out += sequence;
    }
  });
  return out;
}

}  // namespace twinhub
