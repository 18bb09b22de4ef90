#include "server/hub/clock.hpp"

#include <openssl/rand.h>
#include <atomic>
#include <chrono>
#include <stdexcept>

namespace twinhub::hub {

Timestamp SystemClock::now() const {
  static std::atomic<std::uint64_t> latest{0};
  using namespace std::chrono;
  const auto since_epoch = duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
  const std::uint64_t ticks = unix_epoch_ticks + static_cast<std::uint64_t>(since_epoch) / 100;
  // The wall clock may be set back; $lastUpdated and generation ids must not go back with it.
  std::uint64_t seen = latest.load(std::memory_order_relaxed);
  while (ticks > seen) {
    if (latest.compare_exchange_weak(seen, ticks, std::memory_order_relaxed)) return {ticks};
  }
  return {seen};
}

std::string SystemRandom::bytes(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
    throw std::runtime_error("no random bytes from OpenSSL");
  }
  return out;
}

}  // namespace twinhub::hub
