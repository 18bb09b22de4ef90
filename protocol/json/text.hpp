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
/// `bytes` unchanged when they are UTF-8; else with U+FFFD for every byte beyond ASCII.
[[nodiscard]] std::string to_utf8(std::string_view bytes);

/// Without the NUL bytes that C programs send along when they publish a whole buffer (azure-sdk-for-c's
/// paho_iot_pnp_component_sample), and blanks among them; Newtonsoft.Json's reader skips both, so IoT Hub takes such a
/// text (inferred).
[[nodiscard]] std::string_view without_trailing_nuls(std::string_view text);

/// Appends `"name":`.
void append_key(std::string& out, std::string_view name);

/// The characters that a string's escaped text stands for. REQUIRES: canonical text (it comes from parse()).
[[nodiscard]] std::string unescape(std::string_view escaped);

}  // namespace twinhub::json
