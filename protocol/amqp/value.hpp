// One AMQP 1.0 value of any type, with its type kept: a reply has to give a correlation-id back as it came.
// Source: OASIS AMQP 1.0 part 1 ("Types").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::amqp {

enum class Type : std::uint8_t {
  null,
  boolean,
  ubyte_,
  ushort_,
  uint_,
  ulong_,
  byte_,
  short_,
  int_,
  long_,
  float_,
  double_,
  char_,
  timestamp,  ///< milliseconds since 1970
  uuid,       ///< 16 bytes in `text`
  decimal,    ///< 4, 8 or 16 bytes in `text`: carried, not understood
  binary,
  string,
  symbol,
  list,
  map,        ///< `items`: key, value, key, value ..
  array,      ///< `items` of one type
  described,  ///< `items`: descriptor, value
};

struct Value {
  Type type = Type::null;
  std::uint64_t bits = 0;         ///< numbers, two's complement and extended to 64 bits; float and double by their bits
  std::string text = {};          ///< uuid, decimal, binary, string, symbol
  std::vector<Value> items = {};  ///< list, map, array, described

  bool operator==(const Value&) const = default;

  [[nodiscard]] static Value boolean(bool value) { return {Type::boolean, value ? 1U : 0U}; }
  [[nodiscard]] static Value ubyte(std::uint8_t value) { return {Type::ubyte_, value}; }
  [[nodiscard]] static Value uint(std::uint32_t value) { return {Type::uint_, value}; }
  [[nodiscard]] static Value ulong(std::uint64_t value) { return {Type::ulong_, value}; }
  [[nodiscard]] static Value int32(std::int32_t value) {
    return {Type::int_, static_cast<std::uint64_t>(static_cast<std::int64_t>(value))};
  }
  [[nodiscard]] static Value int64(std::int64_t value) { return {Type::long_, static_cast<std::uint64_t>(value)}; }
  [[nodiscard]] static Value timestamp(std::int64_t milliseconds) {
    return {Type::timestamp, static_cast<std::uint64_t>(milliseconds)};
  }
  [[nodiscard]] static Value string(std::string text) { return {Type::string, 0, std::move(text)}; }
  [[nodiscard]] static Value symbol(std::string text) { return {Type::symbol, 0, std::move(text)}; }
  [[nodiscard]] static Value binary(std::string bytes) { return {Type::binary, 0, std::move(bytes)}; }
  [[nodiscard]] static Value uuid(std::string bytes16) { return {Type::uuid, 0, std::move(bytes16)}; }
  [[nodiscard]] static Value list(std::vector<Value> items) { return {Type::list, 0, {}, std::move(items)}; }
  [[nodiscard]] static Value array(std::vector<Value> items) { return {Type::array, 0, {}, std::move(items)}; }
  [[nodiscard]] static Value map(std::vector<Value> keys_and_values = {}) {
    return {Type::map, 0, {}, std::move(keys_and_values)};
  }
  [[nodiscard]] static Value described(Value descriptor, Value value) {
    Value both{Type::described};
    both.items.reserve(2);  // a list in braces would copy both
    both.items.push_back(std::move(descriptor));
    both.items.push_back(std::move(value));
    return both;
  }

  [[nodiscard]] bool is_null() const { return type == Type::null; }
  [[nodiscard]] bool is_text() const { return type == Type::string || type == Type::symbol; }
  /// The number, of any of the integer types; nullopt for other types, and for a ulong beyond a long.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  /// string, symbol or binary as they stand; nullptr for other types.
  [[nodiscard]] const std::string* chars() const { return is_text() || type == Type::binary ? &text : nullptr; }
  /// A map's value under a string or symbol; nullptr when there is none, or this is no map.
  [[nodiscard]] const Value* find(std::string_view key) const;
  /// Adds to a map. REQUIRES: type is map.
  void add(Value key, Value value);
};

/// How a value is shown where only text can stand, such as a user property: "12", "true", "1.5", a uuid's text, "" for
/// null. nullopt for lists, maps, arrays and bytes that are no text.
[[nodiscard]] std::optional<std::string> to_text(const Value& value);
/// "123e4567-e89b-12d3-a456-426614174000" of 16 bytes. REQUIRES: 16 bytes.
[[nodiscard]] std::string uuid_text(std::string_view bytes16);
/// The 16 bytes of such a text; nullopt when it is none.
[[nodiscard]] std::optional<std::string> uuid_bytes(std::string_view text);

}  // namespace twinhub::amqp
