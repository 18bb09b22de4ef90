#include "server/base/clock.hpp"

#include "server/base/log.hpp"

#include <openssl/rand.h>
#include <chrono>
#include <ctime>
#include <stdexcept>

namespace twinhub::hub {
namespace {

constexpr std::int64_t second = static_cast<std::int64_t>(ticks_per_second);

std::uint64_t ticks_of(clockid_t clock) {
  timespec at{};
  ::clock_gettime(clock, &at);
  return static_cast<std::uint64_t>(at.tv_sec) * ticks_per_second + static_cast<std::uint64_t>(at.tv_nsec) / 100;
}

}  // namespace

std::uint64_t SystemClock::wall_ticks() const { return unix_epoch_ticks + ticks_of(CLOCK_REALTIME); }

std::uint64_t SystemClock::steady_ticks() const { return ticks_of(CLOCK_BOOTTIME); }

SystemClock::Reading SystemClock::look() const {
  const Reading reading{.wall = wall_ticks(), .steady = steady_ticks()};
  const auto difference = static_cast<std::int64_t>(reading.wall) - static_cast<std::int64_t>(reading.steady);
  std::int64_t before = difference_.load(std::memory_order_relaxed);
  const std::int64_t step = before == 0 ? 0 : difference - before;
  constexpr std::int64_t least = step_least.count() * second;
  if (step > -least && step < least) {
    // Slewing adds up over weeks; only what changes between two looks is a step. One store a second is enough.
    if (before == 0 || step > second || step < -second) difference_.store(difference, std::memory_order_relaxed);
    return reading;
  }
  // Of several threads that meet the step, one takes note of it.
  if (difference_.compare_exchange_strong(before, difference, std::memory_order_relaxed)) {
    settled_from_.store(
        reading.steady + static_cast<std::uint64_t>(std::chrono::seconds(settling).count()) * ticks_per_second,
        std::memory_order_release);
    last_step_seconds_.store(step / second, std::memory_order_relaxed);
    step_count_.fetch_add(1, std::memory_order_relaxed);
    log::warn({.event = "clock_set"},
              "the machine's clock was set {} by {} s; nothing is expired for its age in the next {} minutes",
              step > 0 ? "forward" : "back", (step > 0 ? step : -step) / second, settling.count());
  }
  return reading;
}

Timestamp SystemClock::now() const {
  const std::uint64_t ticks = wall_ticks();
  std::uint64_t seen = latest_.load(std::memory_order_relaxed);
  while (ticks > seen) {
    if (latest_.compare_exchange_weak(seen, ticks, std::memory_order_relaxed)) return {ticks};
  }
  return {seen};
}

Timestamp SystemClock::wall() const { return {look().wall}; }

Timestamp SystemClock::steady() const { return {steady_ticks()}; }

std::optional<Timestamp> SystemClock::settled() const {
  const Reading reading = look();
  if (reading.steady < settled_from_.load(std::memory_order_acquire)) return std::nullopt;
  return Timestamp{reading.wall};
}

Clock::Steps SystemClock::steps() const {
  return {.count = step_count_.load(std::memory_order_relaxed),
          .last_seconds = last_step_seconds_.load(std::memory_order_relaxed)};
}

std::string SystemRandom::bytes(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
    throw std::runtime_error("no random bytes from OpenSSL");
  }
  return out;
}

std::uint64_t draw_etag(Random& random) {
  std::uint64_t number = 0;
  for (const char c : random.bytes(4)) number = number << 8 | static_cast<unsigned char>(c);
  return 100'000'000 + number % 900'000'000;
}

}  // namespace twinhub::hub
