#include "server/notices/notice.hpp"

#include "protocol/utf8.hpp"

#include <algorithm>

namespace twinhub::notices {
namespace {

/// Where base64 of a key begins that is there by itself; npos: nowhere. 16 bytes and more; '/' may stand in a key, and does
/// in paths, so that the part behind it has to be long enough, or all of it as long as keys mostly are. `small`: in lower
/// case.
std::size_t find_key(std::string_view small) {
  constexpr std::size_t short_key_digits = 22, usual_key_digits = 42;
  std::size_t digits = 0, since_slash = 0;
  for (std::size_t i = 0; i < small.size(); ++i) {
    const char c = small[i];
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/') {
      ++digits;
      since_slash = c == '/' ? 0 : since_slash + 1;
      continue;
    }
    const bool ends_key = c == '=' || small.substr(i).starts_with("%3d");
    if (ends_key && (since_slash >= short_key_digits || digits >= usual_key_digits)) return i - digits;
    digits = since_slash = 0;
  }
  return std::string_view::npos;
}

/// The first run of letters of both cases and digits that is as long as a key without '=' at its end: 24 bytes and more.
std::size_t find_bare_key(std::string_view text) {
  constexpr std::size_t bare_key_digits = 32;
  std::size_t begin = 0;
  bool upper = false, lower = false, digit = false;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    const bool is_upper = c >= 'A' && c <= 'Z', is_lower = c >= 'a' && c <= 'z', is_digit = c >= '0' && c <= '9';
    if (is_upper || is_lower || is_digit || c == '+') {
      upper = upper || is_upper;
      lower = lower || is_lower;
      digit = digit || is_digit;
      continue;
    }
    if (i - begin >= bare_key_digits && upper && lower && digit) return begin;
    begin = i + 1;
    upper = lower = digit = false;
  }
  return std::string_view::npos;
}

}  // namespace

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::tcp:
      return "tcp";
    case Stage::tls:
      return "tls";
    case Stage::connect:
      return "connect";
    case Stage::session:
      return "session";
    case Stage::http:
      return "http";
    case Stage::link:
      return "link";
  }
  return "";
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::refused:
      return "refused";
    case Kind::ended:
      return "ended";
    case Kind::connected:
      return "connected";
  }
  return "";
}

bool is_ordinary(Kind kind, Reason reason) {
  return kind == Kind::ended &&
         (reason == Reason::disconnect || reason == Reason::peer_closed || reason == Reason::shutting_down);
}

std::size_t Notice::bytes() const {
  std::size_t sum = sizeof(Notice);
  for (const std::string* text : {&id, &address, &transport, &sni, &code, &detail, &tracking_id})
    sum += text->capacity() + 1;
  return sum;
}

std::string safe_text(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view cut = "...";
  std::string safe = visible_text(text.substr(0, bytes_max + 1));  // at most six bytes for each of them
  if (safe.size() <= bytes_max) return safe;
  std::size_t end = bytes_max - cut.size();
  while (end > 0 && (static_cast<unsigned char>(safe[end]) & 0xC0U) == 0x80U) --end;  // no half of a character
  safe.resize(end + cut.size());
  safe.replace(end, cut.size(), cut);
  safe.shrink_to_fit();
  return safe;
}

std::string without_secrets(std::string_view text, Says what) {
  constexpr std::string_view hidden = "(hidden: it looks like a secret)";
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  std::string small(text.size(), ' ');
  std::transform(text.begin(), text.end(), small.begin(), lower);
  std::size_t end = std::string_view::npos;
  for (const std::string_view mark : {"sharedaccess", "sig=", "sig%3d", "accountkey", "password=", "bearer "})
    end = std::min(end, small.find(mark));
  end = std::min(end, find_key(small));
  if (what == Says::anything) end = std::min(end, find_bare_key(text));
  if (end == std::string_view::npos) return std::string(text);
  return std::string(text.substr(0, end)).append(hidden);
}

std::string transport_name(std::string_view protocol, const Way& way) {
  if (protocol.empty()) protocol = way.protocol;
  std::string name(protocol);
  if (way.web_socket) name += "-ws";
  if (way.tls && (protocol == "mqtt" || protocol == "amqp" || protocol == "http")) name += 's';
  return name;
}

}  // namespace twinhub::notices
