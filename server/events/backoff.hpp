// Pauses between attempts: doubled each time, with jitter, so that many hubs do not come back at once.
#pragma once

#include "server/base/clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace twinhub::events {

class Backoff {
 public:
  static constexpr std::chrono::milliseconds first{100};

  Backoff(hub::Random& random, std::chrono::milliseconds longest) : random_(random), longest_(longest) {}

  /// Between half of the pause and the whole of it.
  [[nodiscard]] std::chrono::milliseconds next() {
    const auto whole = std::min(pause_, longest_);
    pause_ = std::min(pause_ * 2, longest_);
    const auto byte = static_cast<unsigned char>(random_.bytes(1).front());
    return whole / 2 + whole * byte / (2 * 255);
  }
  void reset() { pause_ = first; }

 private:
  hub::Random& random_;
  std::chrono::milliseconds longest_;
  std::chrono::milliseconds pause_ = first;
};

}  // namespace twinhub::events
