// Where time and chance enter the hub: one source of each, so that tests can hold them.
#pragma once

#include "protocol/ids.hpp"

#include <string>

namespace twinhub::hub {

/// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Timestamp now() const = 0;
};

/// The machine's wall clock (UTC), never running backwards within the process.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override;
};

/// Any thread.
class Random {
 public:
  virtual ~Random() = default;
  /// `count` unpredictable bytes, fit for keys.
  [[nodiscard]] virtual std::string bytes(std::size_t count) = 0;
};

/// OpenSSL's generator.
class SystemRandom final : public Random {
 public:
  [[nodiscard]] std::string bytes(std::size_t count) override;
};

}  // namespace twinhub::hub
