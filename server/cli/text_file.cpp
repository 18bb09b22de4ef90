#include "server/cli/text_file.hpp"

#include "protocol/json/lenient.hpp"
#include "protocol/utf8.hpp"

#include <cstdint>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

namespace twinhub::cli {
namespace {

constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";
constexpr std::string_view little_endian_mark = "\xFF\xFE";
constexpr std::string_view big_endian_mark = "\xFE\xFF";

bool is_high_surrogate(std::uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low_surrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// REQUIRES: begins_utf16(bytes).
Result<std::string> from_utf16(std::string_view bytes) {
  const bool is_big_endian = bytes.starts_with(big_endian_mark);
  const auto broken = fail(Errc::argument_invalid, "its UTF-16 is broken");
  if (bytes.size() % 2 != 0) return broken;
  const auto unit_at = [&](std::size_t at) -> std::uint32_t {
    const std::uint32_t first = static_cast<unsigned char>(bytes[at]);
    const std::uint32_t second = static_cast<unsigned char>(bytes[at + 1]);
    return is_big_endian ? first << 8U | second : second << 8U | first;
  };
  std::string text;
  text.reserve(bytes.size() / 2);
  for (std::size_t at = little_endian_mark.size(); at < bytes.size(); at += 2) {
    std::uint32_t point = unit_at(at);
    if (is_low_surrogate(point)) return broken;
    if (is_high_surrogate(point)) {
      at += 2;
      if (at >= bytes.size() || !is_low_surrogate(unit_at(at))) return broken;
      point = 0x10000 + ((point - 0xD800) << 10U) + (unit_at(at) - 0xDC00);
    }
    append_utf8(text, point);
  }
  return text;
}

}  // namespace

bool begins_utf16(std::string_view bytes) {
  return bytes.starts_with(little_endian_mark) || bytes.starts_with(big_endian_mark);
}

void drop_byte_order_mark(std::string& line) {
  if (line.starts_with(utf8_mark)) line.erase(0, utf8_mark.size());
}

Result<std::string> utf8_text_of(std::string bytes) {
  if (begins_utf16(bytes)) return from_utf16(bytes);
  drop_byte_order_mark(bytes);
  return bytes;
}

Result<std::string> read_json_file(const std::string& file) {
  std::ostringstream content;
  if (file == "-") {
    content << std::cin.rdbuf();
  } else {
    std::ifstream in(file, std::ios::binary);
    if (!in || !(content << in.rdbuf())) return fail(Errc::argument_invalid, file + " cannot be read, or is empty");
  }
  auto text = utf8_text_of(std::move(content).str());
  if (!text) return fail(Errc::argument_invalid, file + ": " + text.error().detail);
  json::make_strict(*text);
  return text;
}

}  // namespace twinhub::cli
