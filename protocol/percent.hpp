// Percent-encoding, one byte at a time; which bytes are encoded is the destination's rule. Source: RFC 3986, 2.1.
#pragma once

#include <string>
#include <string_view>

namespace twinhub {

/// "%2F" for '/'.
inline void append_percent_encoded(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += {'%', digits[byte >> 4U], digits[byte & 0xFU]};
}

}  // namespace twinhub
