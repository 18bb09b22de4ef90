#include "protocol/json/text.hpp"

#include <simdjson.h>
#include <cstdint>

namespace twinhub::json {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

unsigned hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

}  // namespace

bool is_utf8(std::string_view bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

std::string to_utf8(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string text;
  for (const char c : bytes) {
    if (static_cast<unsigned char>(c) < 0x80) {
      text += c;
    } else {
      text += "\xEF\xBF\xBD";
    }
  }
  return text;
}

std::string_view without_trailing_nuls(std::string_view text) {
  constexpr std::string_view skipped("\0 \t\r\n", 5);
  return text.substr(0, text.find_last_not_of(skipped) + 1);  // npos + 1 = 0
}

void append_escaped(std::string& out, std::string_view utf8) {
  std::size_t plain_begin = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(utf8, plain_begin, i - plain_begin);
    plain_begin = i + 1;
    out.push_back('\\');
    switch (byte) {
      case '"':
      case '\\':
        out.push_back(static_cast<char>(byte));
        break;
      case '\b':
        out.push_back('b');
        break;
      case '\f':
        out.push_back('f');
        break;
      case '\n':
        out.push_back('n');
        break;
      case '\r':
        out.push_back('r');
        break;
      case '\t':
        out.push_back('t');
        break;
      default:
        out.append("u00");
        out.push_back(hex_digits[byte >> 4]);
        out.push_back(hex_digits[byte & 0xF]);
    }
  }
  out.append(utf8, plain_begin, utf8.size() - plain_begin);
}

void append_string(std::string& out, std::string_view utf8) {
  out.push_back('"');
  append_escaped(out, utf8);
  out.push_back('"');
}

void append_key(std::string& out, std::string_view name) {
  append_string(out, name);
  out.push_back(':');
}

std::string unescape(std::string_view escaped) {
  std::string out;
  out.reserve(escaped.size());
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\' || i + 1 == escaped.size()) {
      out.push_back(escaped[i]);
      continue;
    }
    const char kind = escaped[++i];
    switch (kind) {
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u':  // canonical text escapes control characters only: \u00XX
        if (escaped.size() - i > 4) {
          out.push_back(static_cast<char>(hex_value(escaped[i + 3]) << 4 | hex_value(escaped[i + 4])));
          i += 4;
        }
        break;
      default:
        out.push_back(kind);
    }
  }
  return out;
}

}  // namespace twinhub::json
