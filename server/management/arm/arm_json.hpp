// JSON documents of Azure Resource Manager, written member by member.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::management {

/// REQUIRES of all texts: they are UTF-8.
class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view utf8);
  /// `json` is a JSON text.
  JsonObject& raw(std::string_view key, std::string_view json);
  JsonObject& number(std::string_view key, std::uint64_t value);
  JsonObject& flag(std::string_view key, bool value);
  [[nodiscard]] std::string close() const { return out_ + "}"; }

 private:
  void begin(std::string_view key);
  std::string out_ = "{";
};

[[nodiscard]] std::string json_text(std::string_view utf8);
/// [a,b] of JSON texts.
[[nodiscard]] std::string json_list(const std::vector<std::string>& items);
/// ["a","b"] of texts.
[[nodiscard]] std::string json_texts(const std::vector<std::string>& texts);
/// {"value":[...]}, as Resource Manager wraps every list.
[[nodiscard]] std::string value_list(const std::vector<std::string>& items);

}  // namespace twinhub::management
