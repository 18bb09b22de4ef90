#include "protocol/ids.hpp"

#include <openssl/evp.h>
#include <array>
#include <chrono>
#include <cstdio>

namespace twinhub {
namespace {

constexpr std::size_t id_bytes_max = 128;

struct Calendar {
  int year = 0;
  unsigned month = 0, day = 0;
  unsigned hour = 0, minute = 0, second = 0;
  unsigned fraction = 0;  // of a second, in ticks
};

Calendar calendar_of(Timestamp at) {
  using namespace std::chrono;
  const auto seconds_total = at.ticks / ticks_per_second;
  const auto days_total = seconds_total / 86'400;
  const auto second_of_day = static_cast<unsigned>(seconds_total % 86'400);
  const sys_days epoch = year{1} / January / 1;
  const year_month_day date{epoch + days{static_cast<int>(days_total)}};
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          second_of_day / 3600,
          second_of_day / 60 % 60,
          second_of_day % 60,
          static_cast<unsigned>(at.ticks % ticks_per_second)};
}

/// `value` with zeros in front, at least `digits` long. Every twin update writes several times: printf costs ten times
/// as much.
void append_padded(std::string& out, unsigned value, std::size_t digits) {
  std::array<char, 10> text{};
  std::size_t at = text.size();
  do {
    text[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0 || text.size() - at < digits);
  out.append(&text[at], text.size() - at);
}

}  // namespace

bool is_valid_id(std::string_view id) {
  if (id.empty() || id.size() > id_bytes_max) return false;
  constexpr std::string_view marks = "-:.+%_#*?!(),=@;$'";
  for (const char c : id) {
    const bool alphanumeric = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!alphanumeric && marks.find(c) == std::string_view::npos) return false;
  }
  return true;
}

void append_iso8601(std::string& out, Timestamp at) {
  const Calendar c = calendar_of(at);
  append_padded(out, static_cast<unsigned>(c.year), 4);
  out += '-';
  append_padded(out, c.month, 2);
  out += '-';
  append_padded(out, c.day, 2);
  out += 'T';
  append_padded(out, c.hour, 2);
  out += ':';
  append_padded(out, c.minute, 2);
  out += ':';
  append_padded(out, c.second, 2);
  if (c.fraction != 0) {
    out += '.';
    append_padded(out, c.fraction, 7);
    while (out.back() == '0') out.pop_back();
  }
  out += 'Z';
}

std::string to_iso8601(Timestamp at) {
  std::string out;
  append_iso8601(out, at);
  return out;
}

std::string to_tracking_time(Timestamp at) {
  const Calendar c = calendar_of(at);
  std::array<char, 48> text{};
  const int size = std::snprintf(text.data(), text.size(), "%02u/%02u/%04d %02u:%02u:%02u", c.month, c.day, c.year,
                                 c.hour, c.minute, c.second);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string to_rfc1123(Timestamp at) {
  constexpr std::array days{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};  // 0001-01-01 was a Monday
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Calendar c = calendar_of(at);
  std::array<char, 48> text{};
  const int size = std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02u:%02u:%02u GMT",
                                 days[at.ticks / ticks_per_second / 86'400 % days.size()], c.day, months[c.month - 1],
                                 c.year, c.hour, c.minute, c.second);
  return {text.data(), static_cast<std::size_t>(size)};
}

Timestamp timestamp_from_unix(std::int64_t seconds, std::uint32_t nanoseconds) {
  const auto unix_ticks = seconds * static_cast<std::int64_t>(ticks_per_second) + nanoseconds / 100;
  return {static_cast<std::uint64_t>(static_cast<std::int64_t>(unix_epoch_ticks) + unix_ticks)};
}

std::string twin_etag(std::uint64_t counter) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>((counter >> (56 - 8 * i)) & 0xFF);
  return base64_encode(bytes);
}

std::string identity_etag(std::uint64_t number) { return base64_encode(std::to_string(number)); }

IfMatch parse_if_match(std::optional<std::string_view> header) {
  IfMatch match;
  if (!header) return match;
  std::string_view text = *header;
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  match.present = !text.empty();
  match.any = text == "*";
  if (!match.any) match.etag = text;
  return match;
}

std::string hex_encode(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string hex;
  for (const char c : bytes) {
    hex += digits[static_cast<unsigned char>(c) >> 4];
    hex += digits[static_cast<unsigned char>(c) & 0xFU];
  }
  return hex;
}

std::string base64_encode(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a NUL
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  for (const char c : text.substr(0, text.size() - padding)) {
    const bool in_alphabet =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    if (!in_alphabet) return std::nullopt;  // EVP_DecodeBlock would skip white space
  }
  std::string out(text.size() / 4 * 3, '\0');
  if (out.empty()) return out;
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

}  // namespace twinhub
