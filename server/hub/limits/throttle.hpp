// How much of each operation a hub of some size takes: IoT Hub's units, rates and daily messages.
// Source: azure-docs iot-hub-devguide-quotas-throttling ("Operation throttles", "Traffic shaping");
// iot-hub-devguide-pricing for what counts as a message.
//
// Traffic shaping: a rate may be passed for a while (`burst`); then what comes waits for its turn; what would wait
// longer than `backlog` is refused.
#pragma once

#include "server/base/clock.hpp"
#include "server/hub/limits/operation.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace twinhub::hub {

enum class Sku : std::uint8_t { off, f1, s1, s2, s3 };

struct ThrottleOptions {
  Sku sku = Sku::off;
  std::uint32_t units = 1;
  std::chrono::seconds burst{60};    ///< of the rate, taken at once: limits are "applied in minute ranges"
  std::chrono::seconds backlog{10};  ///< what would wait longer is refused
};

/// What an operation gets: a refusal, or leave to go on after `wait`.
struct Admission {
  std::chrono::microseconds wait{0};
  Refusal refusal = Refusal::none;
};

/// Any thread; never blocks. Without a SKU nothing is limited.
class Throttle {
 public:
  Throttle(const ThrottleOptions& options, const Clock& clock);

  [[nodiscard]] bool limits() const { return limits_; }
  /// `bytes`: the message, method payload or twin patch, for those that are metered.
  [[nodiscard]] Admission take(Operation operation, std::uint64_t bytes);

  /// Messages per day; 0 = no limit.
  [[nodiscard]] std::uint64_t daily_messages() const { return daily_messages_; }
  [[nodiscard]] std::uint64_t messages_today() const;

 private:
  /// One rate: a bucket that is refilled steadily, kept as the moment at which everything taken so far is paid for.
  struct Rate {
    std::uint64_t interval_ticks = 0;  ///< of one operation; 0 = no limit
    std::atomic<std::uint64_t> paid_at{0};
  };
  [[nodiscard]] Admission take_rate(Rate& rate, std::uint64_t cost, std::uint64_t now) const;
  [[nodiscard]] bool take_messages(std::uint64_t messages, std::uint64_t now);

  const Clock& clock_;
  bool limits_ = false;
  std::uint64_t burst_ticks_ = 0;
  std::uint64_t backlog_ticks_ = 0;
  std::uint64_t meter_bytes_ = 4096;
  std::uint64_t daily_messages_ = 0;
  std::array<Rate, operation_count> rates_;
  std::atomic<std::uint64_t> today_{0};  ///< day number and messages, see throttle.cpp
};

}  // namespace twinhub::hub
