// Little-endian integers and texts, written and read with bounds.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace twinhub::storage {

static_assert(std::endian::native == std::endian::little, "stored integers are copied as they lie in memory");

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  template <class T>
  void integer(T value) {
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  /// Length in four bytes, then the bytes.
  void text(std::string_view bytes) {
    integer(static_cast<std::uint32_t>(bytes.size()));
    out_ += bytes;
  }
  /// Seven bits in each byte, the lowest first; all but the last have their top bit set.
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  /// As text(), its length as a varint.
  void short_text(std::string_view bytes) {
    varint(bytes.size());
    out_ += bytes;
  }
  void raw(const void* data, std::size_t bytes) { out_.append(static_cast<const char*>(data), bytes); }

 private:
  std::string& out_;
};

/// Reading beyond the end, or an enum beyond its last value, makes the whole record bad: check ok() once at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T integer() {
    T value{};
    raw(&value, sizeof value);
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = integer<std::uint8_t>();
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  template <class E>
  E enumerator(E last) {
    const auto value = integer<std::underlying_type_t<E>>();
    if (value > static_cast<std::underlying_type_t<E>>(last)) ok_ = false;
    return static_cast<E>(value);
  }
  std::string text() { return std::string(view(integer<std::uint32_t>())); }
  std::string_view short_view() { return view(varint()); }
  std::string_view view(std::size_t bytes) {
    if (!ok_ || rest_.size() < bytes) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  void raw(void* target, std::size_t bytes) {
    const std::string_view taken = view(bytes);
    if (!taken.empty()) std::memcpy(target, taken.data(), bytes);
  }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  void fail() { ok_ = false; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace twinhub::storage
