#include "protocol/amqp/encode.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace twinhub::amqp {
namespace {

void append_code(std::string& out, unsigned code) { out += static_cast<char>(code); }

void append_fixed(std::string& out, unsigned code, std::uint64_t bits, std::size_t bytes) {
  append_code(out, code);
  append_big_endian(out, bits, bytes);
}

void append_text(std::string& out, unsigned short_code, std::string_view text) {
  const bool is_short = text.size() <= 0xFF;
  append_fixed(out, is_short ? short_code : short_code + 0x10, text.size(), is_short ? 1 : 4);
  out += text;
}

/// `code`: of the form with one byte of size; the one with four is 0x10 above it.
void append_compound(std::string& out, unsigned code, std::size_t count, std::string_view encoded_items) {
  const bool is_short = encoded_items.size() < 0xFF && count <= 0xFF;
  const std::size_t width = is_short ? 1 : 4;
  append_fixed(out, is_short ? code : code + 0x10, encoded_items.size() + width, width);
  append_big_endian(out, count, width);
  out += encoded_items;
}

/// Items of an array share one constructor: each is written in its widest form.
struct ItemForm {
  unsigned code;
  std::size_t bytes;  ///< of a number; of a text's size
  bool is_text;
};
ItemForm item_form(Type type) {
  switch (type) {
    case Type::string:
      return {0xB1, 4, true};
    case Type::symbol:
      return {0xB3, 4, true};
    case Type::int_:
      return {0x71, 4, false};
    case Type::long_:
      return {0x81, 8, false};
    case Type::ulong_:
      return {0x80, 8, false};
    default:
      assert(false && "the hub sends no arrays of this type");
      return {0xB1, 4, true};
  }
}

void append_array(std::string& out, const Value& value) {
  const ItemForm form = item_form(value.items.empty() ? Type::string : value.items.front().type);
  std::string items;
  append_code(items, form.code);
  for (const Value& item : value.items) {
    append_big_endian(items, form.is_text ? item.text.size() : item.bits, form.bytes);
    if (form.is_text) items += item.text;
  }
  append_compound(out, 0xE0, value.items.size(), items);
}

unsigned decimal_code(std::size_t bytes) { return bytes == 4 ? 0x74 : bytes == 8 ? 0x84 : 0x94; }

void append_items(std::string& out, unsigned code, const Value& value) {
  std::string items;
  for (const Value& item : value.items) append_value(items, item);
  append_compound(out, code, value.items.size(), items);
}

}  // namespace

void append_big_endian(std::string& out, std::uint64_t bits, std::size_t bytes) {
  std::array<char, 8> written{};
  for (std::size_t i = 0; i < bytes; ++i) written[i] = static_cast<char>(bits >> (8 * (bytes - 1 - i)) & 0xFFU);
  out.append(written.data(), bytes);
}

void append_string(std::string& out, std::string_view text) { append_text(out, 0xA1, text); }
void append_symbol(std::string& out, std::string_view text) {
  const auto is_ascii = [](char c) { return c >= ' ' && c <= '~'; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return append_text(out, 0xA3, text);
  std::string ascii(text);
  std::replace_if(
      ascii.begin(), ascii.end(), [&](char c) { return !is_ascii(c); }, '?');
  append_text(out, 0xA3, ascii);
}
void append_binary(std::string& out, std::string_view bytes) { append_text(out, 0xA0, bytes); }

void append_descriptor(std::string& out, std::uint8_t code) {
  append_code(out, 0x00);
  append_fixed(out, 0x53, code, 1);
}

void append_list(std::string& out, std::size_t count, std::string_view encoded_items) {
  if (count == 0) return append_code(out, 0x45);
  append_compound(out, 0xC0, count, encoded_items);
}

void append_map(std::string& out, std::size_t count, std::string_view encoded_items) {
  append_compound(out, 0xC1, count, encoded_items);
}

void append_value(std::string& out, const Value& value) {
  switch (value.type) {
    case Type::null:
      return append_code(out, 0x40);
    case Type::boolean:
      return append_code(out, value.bits != 0 ? 0x41 : 0x42);
    case Type::ubyte_:
      return append_fixed(out, 0x50, value.bits, 1);
    case Type::byte_:
      return append_fixed(out, 0x51, value.bits, 1);
    case Type::ushort_:
      return append_fixed(out, 0x60, value.bits, 2);
    case Type::short_:
      return append_fixed(out, 0x61, value.bits, 2);
    case Type::uint_:
      if (value.bits == 0) return append_code(out, 0x43);
      return value.bits <= 0xFF ? append_fixed(out, 0x52, value.bits, 1) : append_fixed(out, 0x70, value.bits, 4);
    case Type::ulong_:
      if (value.bits == 0) return append_code(out, 0x44);
      return value.bits <= 0xFF ? append_fixed(out, 0x53, value.bits, 1) : append_fixed(out, 0x80, value.bits, 8);
    case Type::int_:
      return append_fixed(out, 0x71, value.bits, 4);
    case Type::long_:
      return append_fixed(out, 0x81, value.bits, 8);
    case Type::float_:
      return append_fixed(out, 0x72, value.bits, 4);
    case Type::double_:
      return append_fixed(out, 0x82, value.bits, 8);
    case Type::char_:
      return append_fixed(out, 0x73, value.bits, 4);
    case Type::timestamp:
      return append_fixed(out, 0x83, value.bits, 8);
    case Type::uuid:
      append_code(out, 0x98);
      out += value.text;
      return;
    case Type::decimal:
      append_code(out, decimal_code(value.text.size()));
      out += value.text;
      return;
    case Type::binary:
      return append_binary(out, value.text);
    case Type::string:
      return append_string(out, value.text);
    case Type::symbol:
      return append_symbol(out, value.text);
    case Type::list:
      return value.items.empty() ? append_code(out, 0x45) : append_items(out, 0xC0, value);
    case Type::map:
      return append_items(out, 0xC1, value);
    case Type::array:
      return append_array(out, value);
    case Type::described:
      append_code(out, 0x00);
      append_value(out, value.items[0]);
      append_value(out, value.items[1]);
      return;
  }
}

}  // namespace twinhub::amqp
