// JSON objects of the console's API, written member by member.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/json/text.hpp"

#include <cmath>
#include <concepts>
#include <cstdio>
#include <string>
#include <string_view>

namespace twinhub::console {

class JsonObject {
 public:
  /// Bytes that are no UTF-8 become U+FFFD.
  JsonObject& text(std::string_view key, std::string_view value) {
    begin(key);
    json::append_string(out_, json::to_utf8(value));
    return *this;
  }
  /// `json` is a JSON text.
  JsonObject& raw(std::string_view key, std::string_view json) {
    begin(key);
    out_ += json;
    return *this;
  }
  JsonObject& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  JsonObject& number(std::string_view key, std::integral auto value) { return raw(key, std::to_string(value)); }
  JsonObject& time(std::string_view key, Timestamp at) {
    return at.ticks == 0 ? raw(key, "null") : text(key, to_iso8601(at));
  }
  [[nodiscard]] std::string close() const { return out_ + "}"; }

 private:
  void begin(std::string_view key) {
    if (out_.size() > 1) out_ += ',';
    json::append_key(out_, key);
  }
  std::string out_ = "{";
};

/// What is no number, null; else the shortest of up to six digits.
inline std::string json_number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  const int length = std::snprintf(text, sizeof text, "%.6g", value);
  return {text, static_cast<std::size_t>(length)};
}

/// [a,b]: `write(out, item)` appends one.
template <class Items, class Write>
std::string json_array(const Items& items, Write write) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    write(out, item);
  }
  return out + "]";
}
template <class Texts>
std::string json_texts(const Texts& texts) {
  return json_array(texts, [](std::string& out, std::string_view text) { json::append_string(out, text); });
}

}  // namespace twinhub::console
