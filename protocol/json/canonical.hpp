// Looking into canonical JSON text without parsing it: text that parse() made and the store kept is well formed,
// so one member is found by stepping over its neighbours, at the speed of reading the bytes.
//
// REQUIRES, for everything here: canonical text (document.hpp), the view beginning at the value's first character.
#pragma once

#include "protocol/json/document.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace twinhub::json {

/// The end of the value that begins at `begin`. Nesting costs no stack.
[[nodiscard]] const char* end_of_value(const char* begin);

/// The kind of the value that starts with `first`; an integer counts as a number.
[[nodiscard]] Kind kind_of(char first);

/// The text of an object's member. `key_text`: in canonical escaped form, without quotes. nullopt: not there, or
/// `object` is no object.
[[nodiscard]] std::optional<std::string_view> member_of(std::string_view object, std::string_view key_text);

/// The text of an array's element. nullopt: not there, or `array` is no array.
[[nodiscard]] std::optional<std::string_view> element_of(std::string_view array, std::size_t index);

/// Calls `visit(text)` for each element of an array until it returns false.
template <class Visit>
void each_element(std::string_view array, Visit visit) {
  if (array.empty() || array.front() != '[') return;
  const char* at = array.data() + 1;
  while (*at != ']') {
    const char* end = end_of_value(at);
    if (!visit(std::string_view(at, static_cast<std::size_t>(end - at)))) return;
    at = *end == ',' ? end + 1 : end;
  }
}

}  // namespace twinhub::json
