#include "protocol/query/functions.hpp"

#include "protocol/json/canonical.hpp"
#include "protocol/query/lexer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string>

namespace twinhub::query {
namespace {

using Arguments = std::span<const Value>;

bool is_string(const Value& value) { return value.type == Type::string; }
bool is_number(const Value& value) { return value.type == Type::number; }
bool all_strings(Arguments a) { return std::all_of(a.begin(), a.end(), is_string); }

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }
/// Characters, not bytes: a string is never cut within one.
std::size_t characters_in(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), begins_character));
}
/// Where character number `index` begins; the end when there are not so many.
std::size_t offset_of(std::string_view utf8, std::size_t index) {
  std::size_t at = 0;
  for (; at < utf8.size(); ++at) {
    if (begins_character(utf8[at]) && index-- == 0) break;
  }
  return at;
}

template <double (*F)(double)>
Value arithmetic(Arguments a, Scratch&) {
  return is_number(a[0]) ? Value::of(F(a[0].number)) : Value{};
}
double square(double x) { return x * x; }
double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }
double absolute(double x) { return std::fabs(x); }
double exponential(double x) { return std::exp(x); }
double root(double x) { return std::sqrt(x); }
double up(double x) { return std::ceil(x); }
double down(double x) { return std::floor(x); }

Value power(Arguments a, Scratch&) {
  return is_number(a[0]) && is_number(a[1]) ? Value::of(std::pow(a[0].number, a[1].number)) : Value{};
}

Value as_number(Arguments a, Scratch&) {
  if (is_number(a[0])) return a[0];
  if (!is_string(a[0]) || a[0].text.empty()) return {};
  const std::string text(a[0].text);
  // Digits, sign, point, exponent: strtod would take "inf", "nan" and hexadecimal too.
  if (text.find_first_not_of("0123456789+-.eE") != std::string::npos) return {};
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  return end == text.c_str() + text.size() ? Value::of(number) : Value{};
}

template <bool (*F)(std::string_view, std::string_view)>
Value string_test(Arguments a, Scratch&) {
  return all_strings(a) ? Value::of(F(a[0].text, a[1].text)) : Value{};
}
bool starts_with(std::string_view x, std::string_view y) { return x.starts_with(y); }
bool ends_with(std::string_view x, std::string_view y) { return x.ends_with(y); }
bool contains(std::string_view x, std::string_view y) { return x.find(y) != std::string_view::npos; }

template <Type T>
Value is_type(Arguments a, Scratch&) {
  return Value::of(a[0].type == T);
}
Value is_defined(Arguments a, Scratch&) { return Value::of(!a[0].is_undefined()); }
Value is_primitive(Arguments a, Scratch&) { return Value::of(a[0].is_primitive()); }

Value array_contains(Arguments a, Scratch& scratch) {
  if (a[0].type != Type::array || a[1].is_undefined()) return {};
  bool found = false;
  json::each_element(a[0].text, [&](std::string_view element) {
    found = same(value_of_json(element, scratch), a[1]);
    return !found;
  });
  return Value::of(found);
}

template <char First, char Last, int Shift>
Value change_case(Arguments a, Scratch& scratch) {
  if (!is_string(a[0])) return {};
  std::string text(a[0].text);
  for (char& c : text) {
    if (c >= First && c <= Last) c = static_cast<char>(c + Shift);
  }
  return Value::of(scratch.keep(std::move(text)));
}

Value length(Arguments a, Scratch&) {
  return is_string(a[0]) ? Value::of(static_cast<double>(characters_in(a[0].text))) : Value{};
}

Value concat(Arguments a, Scratch& scratch) {
  constexpr std::size_t bytes_max = 64 * 1024;  // CONCAT of CONCATs of one long property would multiply it
  if (!all_strings(a)) return {};
  std::string text;
  for (const Value& part : a) {
    if (text.size() + part.text.size() > bytes_max) return {};
    text += part.text;
  }
  return Value::of(scratch.keep(std::move(text)));
}

Value substring(Arguments a, Scratch&) {
  const auto is_index = [](const Value& v) {
    return is_number(v) && v.number >= 0 && v.number == std::floor(v.number);
  };
  if (!is_string(a[0]) || !is_index(a[1]) || (a.size() == 3 && !is_index(a[2]))) return {};
  constexpr double most = 1e9;  // no string is so long
  const std::size_t begin = offset_of(a[0].text, static_cast<std::size_t>(std::min(a[1].number, most)));
  const std::string_view rest = a[0].text.substr(begin);
  if (a.size() == 2) return Value::of(rest);
  return Value::of(rest.substr(0, offset_of(rest, static_cast<std::size_t>(std::min(a[2].number, most)))));
}

Value index_of(Arguments a, Scratch&) {
  if (!all_strings(a)) return {};
  const std::size_t at = a[0].text.find(a[1].text);
  return Value::of(at == std::string_view::npos ? -1.0 : static_cast<double>(characters_in(a[0].text.substr(0, at))));
}

constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

constexpr Function table[] = {
    {"IS_DEFINED", 1, 1, true, true, is_defined},
    {"STARTSWITH", 2, 2, true, false, string_test<starts_with>},
    {"ENDSWITH", 2, 2, true, false, string_test<ends_with>},
    {"ARRAY_CONTAINS", 2, 2, true, false, array_contains},
    {"STARTS_WITH", 2, 2, false, true, string_test<starts_with>},
    {"ENDS_WITH", 2, 2, false, true, string_test<ends_with>},
    {"CONTAINS", 2, 2, false, true, string_test<contains>},
    {"IS_STRING", 1, 1, false, true, is_type<Type::string>},
    {"IS_NUMBER", 1, 1, false, true, is_type<Type::number>},
    {"IS_BOOL", 1, 1, false, true, is_type<Type::boolean>},
    {"IS_NULL", 1, 1, false, true, is_type<Type::null>},
    {"IS_ARRAY", 1, 1, false, true, is_type<Type::array>},
    {"IS_OBJECT", 1, 1, false, true, is_type<Type::object>},
    {"IS_PRIMITIVE", 1, 1, false, true, is_primitive},
    {"LOWER", 1, 1, false, true, change_case<'A', 'Z', 'a' - 'A'>},
    {"UPPER", 1, 1, false, true, change_case<'a', 'z', 'A' - 'a'>},
    {"LENGTH", 1, 1, false, true, length},
    {"CONCAT", 2, any_number, false, true, concat},
    {"SUBSTRING", 2, 3, false, true, substring},
    {"INDEX_OF", 2, 2, false, true, index_of},
    {"AS_NUMBER", 1, 1, false, true, as_number},
    {"ABS", 1, 1, false, true, arithmetic<absolute>},
    {"EXP", 1, 1, false, true, arithmetic<exponential>},
    {"POWER", 2, 2, false, true, power},
    {"SQUARE", 1, 1, false, true, arithmetic<square>},
    {"SQRT", 1, 1, false, true, arithmetic<root>},
    {"CEILING", 1, 1, false, true, arithmetic<up>},
    {"FLOOR", 1, 1, false, true, arithmetic<down>},
    {"SIGN", 1, 1, false, true, arithmetic<sign>},
};

}  // namespace

std::optional<std::size_t> find_function(std::string_view name, Dialect dialect, bool strict) {
  for (std::size_t i = 0; i < std::size(table); ++i) {
    if (!equals_ignoring_case(table[i].name, name)) continue;
    const bool in_cloud = dialect == Dialect::routing ? table[i].in_routing : table[i].in_twins;
    if (strict && !in_cloud) return std::nullopt;
    return i;
  }
  return std::nullopt;
}

const Function& function(std::size_t number) { return table[number]; }

}  // namespace twinhub::query
