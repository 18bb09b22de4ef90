#include "protocol/json/member.hpp"

#include "protocol/ascii.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace twinhub::json {

std::optional<Value> member_of(const Value& object, std::string_view name) {
  std::optional<Value> last;
  if (!object.is_object()) return last;
  for (const Value member : object) {
    if (equals_ignoring_case(member.key_text(), name)) last = member;
  }
  return last;
}

std::optional<WholeNumber> whole_number_of(const Value& value) {
  if (value.is_null()) return WholeNumber{};
  if (const auto number = value.integer()) return WholeNumber{number};
  const auto text = value.string();
  if (!text) return std::nullopt;
  constexpr std::string_view spaces = " \t\r\n";
  std::string_view digits = *text;
  digits.remove_prefix(std::min(digits.find_first_not_of(spaces), digits.size()));
  digits = digits.substr(0, digits.find_last_not_of(spaces) + 1);
  if (digits.empty()) return WholeNumber{};
  if (digits.size() > 1 && digits.front() == '+' && digits[1] != '-') digits.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return WholeNumber{number};
}

}  // namespace twinhub::json
