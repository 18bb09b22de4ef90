#include "protocol/query/value.hpp"

#include "protocol/json/canonical.hpp"
#include "protocol/json/text.hpp"
#include "protocol/query/dates.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace twinhub::query {

Value Value::of(double value) {
  if (!std::isfinite(value)) return {};
  return {Type::number, false, value, {}};
}

Value value_of_json(std::string_view text, Scratch& scratch) {
  switch (json::kind_of(text.front())) {
    case json::Kind::object:
      return {Type::object, false, 0, text};
    case json::Kind::array:
      return {Type::array, false, 0, text};
    case json::Kind::string: {
      const std::string_view escaped = text.substr(1, text.size() - 2);
      if (escaped.find('\\') == std::string_view::npos) return Value::of(escaped);
      return Value::of(scratch.keep(json::unescape(escaped)));
    }
    case json::Kind::boolean:
      return Value::of(text.front() == 't');
    case json::Kind::null:
      return Value::null();
    case json::Kind::integer:
    case json::Kind::number:
      break;
  }
  Value value{Type::number, false, 0, text};
  // Too small for a double leaves 0, as reading it as a double does.
  std::from_chars(text.data(), text.data() + text.size(), value.number);
  return value;
}

void append_number(std::string& out, double number) {
  constexpr double exact_max = 9'007'199'254'740'992;  // 2^53
  std::array<char, 32> text{};
  const bool whole = number == std::floor(number) && std::fabs(number) < exact_max;
  const auto end = whole ? std::to_chars(text.data(), text.data() + text.size(), static_cast<std::int64_t>(number)).ptr
                         : std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  out.append(text.data(), end);
}

void append_json(std::string& out, const Value& value) {
  switch (value.type) {
    case Type::undefined:
      break;
    case Type::null:
      out += "null";
      break;
    case Type::boolean:
      out += value.boolean ? "true" : "false";
      break;
    case Type::number:
      if (value.text.empty()) {
        append_number(out, value.number);
      } else {
        out += value.text;
      }
      break;
    case Type::string:
      json::append_string(out, value.text);
      break;
    case Type::array:
    case Type::object:
      out += value.text;
  }
}

std::partial_ordering compare(const Value& a, const Value& b, bool dates) {
  if (a.type != b.type) return std::partial_ordering::unordered;
  switch (a.type) {
    case Type::null:
      return std::partial_ordering::equivalent;
    case Type::boolean:
      return a.boolean <=> b.boolean;
    case Type::number:
      return a.number <=> b.number;
    case Type::string:
      if (dates) {
        const auto left = parse_date(a.text);
        const auto right = left ? parse_date(b.text) : std::nullopt;
        if (right) return *left <=> *right;
      }
      return a.text.compare(b.text) <=> 0;
    case Type::undefined:
    case Type::array:
    case Type::object:
      break;
  }
  return std::partial_ordering::unordered;
}

bool same(const Value& a, const Value& b) {
  const bool container = a.type == Type::array || a.type == Type::object;
  if (container) return a.type == b.type && a.text == b.text;
  return compare(a, b) == std::partial_ordering::equivalent;
}

}  // namespace twinhub::query
