// Takes a fuzzer's input apart: numbers, and texts of any bytes with their length in front. Behind the end all is zero
// and "".
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

class Pieces {
 public:
  Pieces(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] std::string_view take(std::size_t bytes) {
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  template <class T>
  [[nodiscard]] T number() {
    T value{};
    const std::string_view taken = take(sizeof value);
    if (!taken.empty()) std::memcpy(&value, taken.data(), taken.size());
    return value;
  }
  /// A byte that says how long it is, and its bytes.
  [[nodiscard]] std::string_view text() { return take(number<std::uint8_t>()); }

 private:
  std::string_view rest_;
};
