#include "protocol/iothub/property_bag.hpp"

#include "protocol/percent.hpp"
#include "protocol/utf8.hpp"

namespace twinhub::iothub {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Takes one character, or the escape of one, off the front of `text`, which is not empty.
char take_character(std::string_view& text) {
  if (text[0] == '%' && text.size() > 2) {
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    if (high >= 0 && low >= 0) {
      text.remove_prefix(3);
      return static_cast<char>(high << 4 | low);
    }
  }
  const char c = text[0];
  text.remove_prefix(1);
  return c;
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) out.push_back(take_character(text));
  return out;
}

bool decodes_to(std::string_view text, std::string_view plain) {
  for (const char c : plain) {
    if (text.empty() || take_character(text) != c) return false;
  }
  return text.empty();
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out.push_back(c);
      continue;
    }
    append_percent_encoded(out, c);
  }
  return out;
}

namespace {

/// percent_decode(), but an escape that makes no UTF-8 stays as it is, as .NET's Uri.UnescapeDataString leaves it: what
/// the hub hands on is text.
std::string decode_text(std::string_view text) {
  std::string decoded = percent_decode(text);
  std::string out;
  for (std::size_t at = 0; at < decoded.size();) {
    const std::string_view rest = std::string_view(decoded).substr(at);
    const std::size_t bytes = utf8_sequence_bytes(rest);
    if (bytes == 0) {
      if (out.empty()) out = decoded.substr(0, at);
      out += percent_encode(rest.substr(0, 1));
      ++at;
      continue;
    }
    if (!out.empty()) out += rest.substr(0, bytes);
    at += bytes;
  }
  return out.empty() ? decoded : out;
}

}  // namespace

std::vector<Property> parse_property_bag(std::string_view bag) {
  std::vector<Property> properties;
  while (!bag.empty()) {
    const std::size_t end = bag.find('&');
    const std::string_view pair = bag.substr(0, end);
    bag.remove_prefix(end == std::string_view::npos ? bag.size() : end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    properties.push_back({decode_text(pair.substr(0, equals)), decode_text(value)});
  }
  return properties;
}

}  // namespace twinhub::iothub
