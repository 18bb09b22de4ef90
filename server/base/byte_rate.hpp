// How many bytes a second one peer may send: a leaky bucket. What the peer sends goes in, the rate runs out, and while
// the level stands above the brim the peer has to wait. A level is one number, kept by the connection or, between
// connections, by the hub.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace twinhub {

struct ByteRate {
  std::uint64_t per_second = 0;  ///< 0 = no limit
  std::uint64_t burst = 0;       ///< the brim: bytes that may come at once after a silence

  using Level = std::uint32_t;

  [[nodiscard]] bool limits() const { return per_second > 0; }

  /// `level` after `time` in which nothing came.
  [[nodiscard]] Level leaked(Level level, std::chrono::nanoseconds time) const {
    const double out = static_cast<double>(time.count()) * static_cast<double>(per_second) * 1e-9;
    return out >= static_cast<double>(level) ? 0 : level - static_cast<Level>(out);
  }
  /// `level` with `bytes` more. It stops at the largest Level, hundreds of seconds away at any sensible rate.
  [[nodiscard]] static Level filled(Level level, std::uint64_t bytes) {
    return static_cast<Level>(std::min<std::uint64_t>(level + bytes, UINT32_MAX));
  }
  [[nodiscard]] bool is_over(Level level) const { return level > burst; }
  /// How long the peer has to wait until `level` has come down to the brim, and a sixteenth of a second longer: pauses
  /// much shorter would cost more in timers than they spare. REQUIRES: limits(), is_over(level).
  [[nodiscard]] std::chrono::microseconds wait(Level level) const {
    return std::chrono::microseconds((level - burst) * 1'000'000 / per_second) + shortest_wait;
  }

  static constexpr std::chrono::microseconds shortest_wait{1'000'000 / 16};
};

}  // namespace twinhub
