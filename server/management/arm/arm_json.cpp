#include "server/management/arm/arm_json.hpp"

#include "protocol/json/text.hpp"

namespace twinhub::management {

void JsonObject::begin(std::string_view key) {
  if (out_.size() > 1) out_ += ',';
  json::append_key(out_, key);
}

JsonObject& JsonObject::text(std::string_view key, std::string_view utf8) {
  begin(key);
  json::append_string(out_, utf8);
  return *this;
}

JsonObject& JsonObject::raw(std::string_view key, std::string_view json) {
  begin(key);
  out_ += json;
  return *this;
}

JsonObject& JsonObject::number(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }

JsonObject& JsonObject::flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }

std::string json_text(std::string_view utf8) {
  std::string out;
  json::append_string(out, utf8);
  return out;
}

std::string json_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) {
    if (out.size() > 1) out += ',';
    out += item;
  }
  return out + "]";
}

std::string json_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> items;
  items.reserve(texts.size());
  for (const std::string& text : texts) items.push_back(json_text(text));
  return json_list(items);
}

std::string value_list(const std::vector<std::string>& items) { return R"({"value":)" + json_list(items) + "}"; }

}  // namespace twinhub::management
