#include "protocol/amqp/value.hpp"

#include "protocol/utf8.hpp"

#include <bit>
#include <cassert>
#include <charconv>
#include <limits>

namespace twinhub::amqp {
namespace {

template <class Number>
std::string number_text(Number number) {
  char buffer[64];
  const auto [end, error] = std::to_chars(std::begin(buffer), std::end(buffer), number);
  assert(error == std::errc{});
  return {buffer, end};
}

/// In UTF-8; nullopt for a surrogate, and beyond U+10FFFF.
std::optional<std::string> character_text(std::uint32_t code_point) {
  constexpr std::uint32_t surrogates = 0xD800, behind_surrogates = 0xE000, last = 0x10FFFF;
  if (code_point > last || (code_point >= surrogates && code_point < behind_surrogates)) return std::nullopt;
  std::string text;
  append_utf8(text, code_point);
  return text;
}

}  // namespace

std::optional<std::int64_t> Value::integer() const {
  switch (type) {
    case Type::ulong_:
      if (bits > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
      [[fallthrough]];
    case Type::ubyte_:
    case Type::ushort_:
    case Type::uint_:
    case Type::byte_:
    case Type::short_:
    case Type::int_:
    case Type::long_:
    case Type::timestamp:
      return static_cast<std::int64_t>(bits);
    default:
      return std::nullopt;
  }
}

const Value* Value::find(std::string_view key) const {
  if (type != Type::map) return nullptr;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i].is_text() && items[i].text == key) return &items[i + 1];
  }
  return nullptr;
}

void Value::add(Value key, Value value) {
  assert(type == Type::map);
  items.push_back(std::move(key));
  items.push_back(std::move(value));
}

std::optional<std::string> to_text(const Value& value) {
  switch (value.type) {
    case Type::null:
      return "";
    case Type::boolean:
      return value.bits != 0 ? "true" : "false";
    case Type::ulong_:
      return number_text(value.bits);
    case Type::float_:
      return number_text(std::bit_cast<float>(static_cast<std::uint32_t>(value.bits)));
    case Type::double_:
      return number_text(std::bit_cast<double>(value.bits));
    case Type::uuid:
      return uuid_text(value.text);
    case Type::string:
    case Type::symbol:
      return value.text;
    case Type::char_:
      return character_text(static_cast<std::uint32_t>(value.bits));
    default:
      if (const auto number = value.integer()) return number_text(*number);
      return std::nullopt;
  }
}

std::string uuid_text(std::string_view bytes16) {
  assert(bytes16.size() == 16);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes16.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    const auto byte = static_cast<unsigned char>(bytes16[i]);
    text += digits[byte >> 4U];
    text += digits[byte & 0xFU];
  }
  return text;
}

std::optional<std::string> uuid_bytes(std::string_view text) {
  constexpr std::size_t text_size = 36;
  if (text.size() != text_size) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text_size;) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i++] != '-') return std::nullopt;
      continue;
    }
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc{} || end != text.data() + i + 2) return std::nullopt;
    bytes += static_cast<char>(byte);
    i += 2;
  }
  return bytes;
}

}  // namespace twinhub::amqp
