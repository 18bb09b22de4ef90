// UTF-8, character by character (RFC 3629).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub::query {

/// REQUIRES: a code point that is no surrogate.
void append_utf8(std::string& out, std::uint32_t point);

/// Bytes of the character that `text` starts with; 0 when it is none. REQUIRES: `text` is not empty.
[[nodiscard]] std::size_t character_bytes(std::string_view text);

}  // namespace twinhub::query
