#include "protocol/amqp/decode.hpp"

#include "protocol/utf8.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace twinhub::amqp {
namespace {

/// What a format code stands for: a value of a fixed width, or a text with a size before it.
struct Format {
  Type type = Type::null;
  std::uint8_t bytes = 0;  ///< of the value, or of the size where `is_text`; 0 = the code is none of these
  bool is_text = false;    ///< a size, then so many bytes
  bool is_signed = false;
};

constexpr std::array<Format, 256> make_formats() {
  std::array<Format, 256> formats{};
  formats[0x50] = {Type::ubyte_, 1};
  formats[0x51] = {Type::byte_, 1, false, true};
  formats[0x52] = {Type::uint_, 1};
  formats[0x53] = {Type::ulong_, 1};
  formats[0x54] = {Type::int_, 1, false, true};
  formats[0x55] = {Type::long_, 1, false, true};
  formats[0x56] = {Type::boolean, 1};
  formats[0x60] = {Type::ushort_, 2};
  formats[0x61] = {Type::short_, 2, false, true};
  formats[0x70] = {Type::uint_, 4};
  formats[0x71] = {Type::int_, 4, false, true};
  formats[0x72] = {Type::float_, 4};
  formats[0x73] = {Type::char_, 4};
  formats[0x80] = {Type::ulong_, 8};
  formats[0x81] = {Type::long_, 8, false, true};
  formats[0x82] = {Type::double_, 8};
  formats[0x83] = {Type::timestamp, 8, false, true};
  formats[0xA0] = {Type::binary, 1, true};
  formats[0xA1] = {Type::string, 1, true};
  formats[0xA3] = {Type::symbol, 1, true};
  formats[0xB0] = {Type::binary, 4, true};
  formats[0xB1] = {Type::string, 4, true};
  formats[0xB3] = {Type::symbol, 4, true};
  return formats;
}
constexpr std::array<Format, 256> formats = make_formats();

constexpr std::size_t items_expected_max = 16;  // room made for items before they have come

std::uint64_t extend_sign(std::uint64_t bits, std::size_t bytes) {
  const std::size_t shift = 64 - 8 * bytes;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(bits << shift) >> shift);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace

bool Decoder::take(std::string_view& into, std::size_t bytes) {
  if (bytes > rest_.size()) return false;
  into = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return true;
}

bool Decoder::number(std::uint64_t& into, std::size_t bytes) {
  if (bytes > rest_.size()) return false;
  into = 0;
  for (std::size_t i = 0; i < bytes; ++i) into = into << 8U | static_cast<unsigned char>(rest_[i]);
  rest_.remove_prefix(bytes);
  return true;
}

bool Decoder::count_value() {
  if (values_left_ == 0) return false;
  --values_left_;
  return true;
}

std::optional<std::uint64_t> Decoder::descriptor() {
  std::uint64_t code = 0;
  Value descriptor;
  if (!number(code, 1) || code != 0 || depth_max_ == 0 || !count_value() || !read(descriptor, 1)) return std::nullopt;
  if (descriptor.type != Type::ulong_) return std::nullopt;
  next_depth_ = 1;
  return descriptor.bits;
}

std::optional<Value> Decoder::next() {
  std::optional<Value> value(std::in_place);
  if (!read(*value, std::exchange(next_depth_, 0))) value.reset();
  return value;
}

bool Decoder::skip() { return next().has_value(); }

bool Decoder::read(Value& into, unsigned depth) {
  std::uint64_t code = 0;
  if (!number(code, 1)) return false;
  if (code != 0) return primitive(into, static_cast<unsigned>(code), depth);
  if (depth >= depth_max_ || !count_value()) return false;
  into.type = Type::described;
  into.items.resize(2);
  return read(into.items[0], depth + 1) && read(into.items[1], depth + 1);
}

bool Decoder::primitive(Value& into, unsigned code, unsigned depth) {
  if (!count_value()) return false;
  switch (code) {
    case 0x40:
      return true;
    case 0x41:
    case 0x42:
      into.type = Type::boolean;
      into.bits = code == 0x41 ? 1 : 0;
      return true;
    case 0x43:
      into.type = Type::uint_;
      return true;
    case 0x44:
      into.type = Type::ulong_;
      return true;
    case 0x45:
      into.type = Type::list;
      return true;
    case 0xC0:
    case 0xC1:
    case 0xD0:
    case 0xD1:
      return compound(into, code, depth);
    case 0xE0:
    case 0xF0:
      return array(into, code, depth);
    case 0x74:
    case 0x84:
    case 0x94:
    case 0x98: {
      std::string_view bytes;
      if (!take(bytes, code == 0x74 ? 4 : code == 0x84 ? 8 : 16)) return false;
      into.type = code == 0x98 ? Type::uuid : Type::decimal;
      into.text = bytes;
      return true;
    }
    default:
      break;
  }
  const Format& format = formats[code];
  std::uint64_t bits = 0;
  if (format.bytes == 0 || !number(bits, format.bytes)) return false;
  into.type = format.type;
  if (format.is_text) {
    std::string_view text;
    if (!take(text, static_cast<std::size_t>(bits)) || (format.type != Type::binary && !is_utf8(text))) return false;
    into.text = text;
    return true;
  }
  into.bits = format.is_signed ? extend_sign(bits, format.bytes) : bits;
  return format.type != Type::boolean || bits <= 1;
}

/// Makes room for `count` items, as far as it is likely that they come, and reads each.
template <class Read>
bool Decoder::items(Value& into, std::uint64_t count, Read read) {
  into.items.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(count, items_expected_max)));
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!read(into.items.emplace_back())) return false;
  }
  return true;
}

/// The head of a list, map or array: what is left to read are its items. `behind`: what comes after them.
bool Decoder::size_and_count(std::size_t width, std::uint64_t& count, std::string_view& behind) {
  std::uint64_t size = 0;
  if (!number(size, width) || size < width || size > rest_.size()) return false;
  behind = rest_.substr(static_cast<std::size_t>(size));
  rest_ = rest_.substr(0, static_cast<std::size_t>(size));
  return number(count, width) && count <= values_left_;
}

bool Decoder::compound(Value& into, unsigned code, unsigned depth) {
  std::uint64_t count = 0;
  std::string_view behind;
  if (depth >= depth_max_ || !size_and_count(code < 0xD0 ? 1 : 4, count, behind)) return false;
  const bool is_map = (code & 0xFU) == 1;
  if (is_map && count % 2 != 0) return false;
  into.type = is_map ? Type::map : Type::list;
  if (!items(into, count, [&](Value& item) { return read(item, depth + 1); }) || !rest_.empty()) return false;
  rest_ = behind;
  return true;
}

/// One constructor stands for all items. An array of described values is nothing that AMQP clients of IoT Hub send.
bool Decoder::array(Value& into, unsigned code, unsigned depth) {
  std::uint64_t count = 0, item_code = 0;
  std::string_view behind;
  if (depth >= depth_max_ || !size_and_count(code == 0xE0 ? 1 : 4, count, behind)) return false;
  into.type = Type::array;
  if (count > 0 || !rest_.empty()) {
    if (!number(item_code, 1) || item_code == 0) return false;
    const auto read_item = [&](Value& item) { return primitive(item, static_cast<unsigned>(item_code), depth + 1); };
    if (!items(into, count, read_item) || !rest_.empty()) return false;
  }
  rest_ = behind;
  return true;
}

}  // namespace twinhub::amqp
