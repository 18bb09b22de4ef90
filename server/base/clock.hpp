// Where time and chance enter the hub: one source of each, so that tests can hold them.
//
// A wall clock can be set: by hand, by a bad NTP answer, by a machine that boots in 1970. So the hub asks four different questions, and a
// wrong second answers none of them for good:
//   now()      in which order did things happen?   never goes back
//   wall()     is this token, certificate, message still valid?   what the machine's clock says, also when it has gone back
//   steady()   how long has this lasted?   no step of the wall clock touches it
//   settled()  may something be destroyed for its age?   only while the wall clock is known to go on as it did
#pragma once

#include "protocol/ids.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace twinhub::hub {

/// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// UTC, never running backwards within the process: for `$lastUpdated`, generation ids, the order of events.
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// UTC as the machine has it at this moment: for what is valid until a time, or from one on.
  [[nodiscard]] virtual Timestamp wall() const { return now(); }
  /// Ticks that go on evenly, from an origin of their own: for deadlines, rates, time-outs. Compare only with each other.
  [[nodiscard]] virtual Timestamp steady() const { return now(); }
  /// wall(), for destroying what has become too old; nullopt while the wall clock has lately been set: then wait.
  [[nodiscard]] virtual std::optional<Timestamp> settled() const { return wall(); }

  /// How often the wall clock was set since the start, and by how much the last time (seconds, forward positive).
  struct Steps {
    std::uint64_t count = 0;
    std::int64_t last_seconds = 0;
  };
  [[nodiscard]] virtual Steps steps() const { return {}; }
};

/// The machine's clocks (Linux: CLOCK_REALTIME, and CLOCK_BOOTTIME, which also counts a suspended machine's sleep).
class SystemClock : public Clock {
 public:
  /// A difference between the two clocks that grows by more than this at once is a step; NTP slews by far less.
  static constexpr std::chrono::seconds step_least{60};
  /// How long after a step nothing is destroyed for its age.
  static constexpr std::chrono::minutes settling{10};

  [[nodiscard]] Timestamp now() const override;
  [[nodiscard]] Timestamp wall() const override;
  [[nodiscard]] Timestamp steady() const override;
  [[nodiscard]] std::optional<Timestamp> settled() const override;
  [[nodiscard]] Steps steps() const override;

 protected:
  // The machine's clocks, in ticks of 100 ns: since 0001-01-01 UTC, and since the machine was started.
  [[nodiscard]] virtual std::uint64_t wall_ticks() const;
  [[nodiscard]] virtual std::uint64_t steady_ticks() const;

 private:
  struct Reading {
    std::uint64_t wall = 0;
    std::uint64_t steady = 0;
  };
  /// Reads both clocks, and takes note of a step.
  [[nodiscard]] Reading look() const;

  mutable std::atomic<std::uint64_t> latest_{0};        // what now() has given out
  mutable std::atomic<std::int64_t> difference_{0};     // wall - steady, at the last look; 0 = not looked yet
  mutable std::atomic<std::uint64_t> settled_from_{0};  // on the steady clock
  mutable std::atomic<std::uint64_t> step_count_{0};
  mutable std::atomic<std::int64_t> last_step_seconds_{0};
};

/// Any thread.
class Random {
 public:
  virtual ~Random() = default;
  /// `count` unpredictable bytes, fit for keys.
  [[nodiscard]] virtual std::string bytes(std::size_t count) = 0;
};

/// The first etag number of an identity or a certificate: nine digits, as IoT Hub's look.
[[nodiscard]] std::uint64_t draw_etag(Random& random);

/// OpenSSL's generator.
class SystemRandom final : public Random {
 public:
  [[nodiscard]] std::string bytes(std::size_t count) override;
};

}  // namespace twinhub::hub
