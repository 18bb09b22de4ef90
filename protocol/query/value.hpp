// The value of an expression: one of seven types, undefined among them.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::query {

enum class Type : std::uint8_t { undefined, null, boolean, number, string, array, object };

/// A view: `text` belongs to the document, the parsed query or a Scratch.
struct Value {
  Type type = Type::undefined;
  bool boolean = false;
  double number = 0;
  std::string_view text;  ///< string: its characters; array, object: canonical JSON; number: as written, or ""

  [[nodiscard]] static Value of(bool value) { return {Type::boolean, value, 0, {}}; }
  [[nodiscard]] static Value of(double value);  ///< undefined unless finite
  [[nodiscard]] static Value of(std::string_view characters) { return {Type::string, false, 0, characters}; }
  [[nodiscard]] static Value null() { return {Type::null, false, 0, {}}; }

  [[nodiscard]] bool is_true() const { return type == Type::boolean && boolean; }
  [[nodiscard]] bool is_undefined() const { return type == Type::undefined; }
  /// Neither undefined nor an array or object.
  [[nodiscard]] bool is_primitive() const { return type > Type::undefined && type < Type::array; }
};

/// Strings that an evaluation had to make. One row's values live here; cleared between rows.
class Scratch {
 public:
  [[nodiscard]] std::string_view keep(std::string text) { return kept_.emplace_back(std::move(text)); }
  void clear() { kept_.clear(); }

 private:
  std::deque<std::string> kept_;  // does not move what it holds
};

/// The value of canonical JSON text, which must outlive it.
[[nodiscard]] Value value_of_json(std::string_view text, Scratch& scratch);

/// Appends it as JSON; nothing for undefined.
void append_json(std::string& out, const Value& value);
/// "3", "0.1", "1e+21": the shortest text that reads back as the same number.
void append_number(std::string& out, double number);

/// How two values stand to each other. unordered: one is undefined, null against something else, of another type, or an
/// array or object, which are not comparable. `dates`: strings that are dates compare as moments.
[[nodiscard]] std::partial_ordering compare(const Value& a, const Value& b, bool dates = false);

/// Equality of elements: as compare(), and arrays and objects by their canonical text.
[[nodiscard]] bool same(const Value& a, const Value& b);

}  // namespace twinhub::query
