// Writing JSON: canonical strings, and the way back.
#pragma once

#include <string>
#include <string_view>

namespace twinhub::json {

/// Appends the characters between the quotes of a JSON string: only `"`, `\` and control characters are escaped.
/// REQUIRES: `utf8` is valid UTF-8.
void append_escaped(std::string& out, std::string_view utf8);

/// Appends `utf8` as a JSON string, quotes included.
void append_string(std::string& out, std::string_view utf8);

[[nodiscard]] bool is_utf8(std::string_view bytes);
/// `bytes` as they are when they are UTF-8; else every byte beyond ASCII becomes U+FFFD.
[[nodiscard]] std::string to_utf8(std::string_view bytes);

/// Appends `"name":`.
void append_key(std::string& out, std::string_view name);

/// The characters that a string's escaped text stands for. REQUIRES: canonical text (it comes from parse()).
[[nodiscard]] std::string unescape(std::string_view escaped);

}  // namespace twinhub::json
