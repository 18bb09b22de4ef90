#include "server/net/http_text.hpp"

#include "protocol/percent.hpp"

namespace twinhub::net {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

bool is_token_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string header_value(std::string_view bytes) {
  std::string out(bytes);
  for (char& c : out) {
    if (is_control(c)) c = '?';
  }
  out.erase(0, out.find_first_not_of(' '));
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

std::string header_name(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (is_token_character(c)) {
      out += c;
    } else {
      append_percent_encoded(out, c);
    }
  }
  return out;
}

std::string request_target(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c > 0x20 && c < 0x7F) {
      out += c;
    } else {
      append_percent_encoded(out, c);
    }
  }
  return out;
}

}  // namespace twinhub::net
