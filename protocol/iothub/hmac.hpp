// HMAC-SHA-256, what shared access signatures and access tokens are signed with. Source: RFC 2104.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace twinhub::iothub {

inline constexpr std::size_t hmac_bytes = 32;
using HmacDigest = std::array<unsigned char, hmac_bytes>;

[[nodiscard]] inline std::string_view view_of(const HmacDigest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// nullopt only when OpenSSL fails. Any thread.
[[nodiscard]] std::optional<HmacDigest> hmac_sha256(std::string_view key, std::string_view text);

/// Compares in a time that depends on the lengths alone.
[[nodiscard]] bool same_bytes(std::string_view a, std::string_view b);

}  // namespace twinhub::iothub
