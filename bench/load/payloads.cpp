#include "bench/load/payloads.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace twinhub::load {

Patch::Patch(std::size_t bytes, std::size_t depth) : bytes_(bytes) {
  head_ = R"({"load":{)";
  for (std::size_t level = 1; level < depth; ++level) head_ += R"("n":{)";
  if (depth == 1) head_ += R"("temperature":21.5,"mode":"auto",)";
  head_ += R"("sequence":)";
  tail_ = "\"" + std::string(std::max<std::size_t>(depth, 1) + 1, '}');
}

std::string_view Patch::make(std::uint64_t sequence) {
  std::array<char, 20> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), sequence);
  text_.assign(head_);
  text_.append(digits.data(), end);
  text_ += R"(,"note":")";
  if (text_.size() + tail_.size() < bytes_) text_.append(bytes_ - text_.size() - tail_.size(), 'x');
  text_ += tail_;
  return text_;
}

std::string fill_patch(std::size_t bytes) {
  std::string text = R"({"fill":{)";
  for (int component = 0; text.size() < bytes; ++component) {
    if (component > 0) text += ',';
    text += "\"component" + std::to_string(component) + "\":{";
    for (int leaf = 0; leaf < 8; ++leaf) {
      if (leaf > 0) text += ',';
      text += "\"leaf" + std::to_string(leaf) + "\":\"value-" + std::to_string(leaf) + "\"";
    }
    text += '}';
  }
  return text + "}}";
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  const std::size_t at = text.rfind(key);
  if (at == std::string_view::npos) return std::nullopt;
  const char* begin = text.data() + at + key.size();
  const char* const limit = text.data() + text.size();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(begin, limit, value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace twinhub::load
