// How often one address may log in with what is wrong: a few times at once, then at a slow pace. Log-ins that succeed do
// not count.
#pragma once

#include "server/base/clock.hpp"
#include "storage/guarded.hpp"

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>

namespace twinhub::management {

struct LoginLimits {
  unsigned failures_at_once = 10;
  unsigned seconds_per_failure = 6;
  std::size_t addresses_max = 10'000;  ///< beyond it the address that failed longest ago is forgotten
};

/// Any thread.
class LoginLimit {
 public:
  explicit LoginLimit(const hub::Clock& clock, const LoginLimits& limits = {})
      : clock_(clock),
        ticks_per_failure_(limits.seconds_per_failure * ticks_per_second),
        debt_max_(limits.failures_at_once * ticks_per_failure_),
        addresses_max_(limits.addresses_max) {}

  /// Seconds that a log-in from `peer` has to wait; 0 = none.
  [[nodiscard]] unsigned wait_of(const boost::asio::ip::address& peer) const;
  void note_failure(const boost::asio::ip::address& peer);
  [[nodiscard]] std::size_t addresses() const;

 private:
  struct Failures {
    boost::asio::ip::address party;
    std::uint64_t paid_until = 0;  ///< on the steady clock, ticks: when all failures are forgiven
  };
  using Order = std::list<Failures>;  ///< the latest failure last

  const hub::Clock& clock_;
  const std::uint64_t ticks_per_failure_;
  const std::uint64_t debt_max_;
  const std::size_t addresses_max_;
  mutable Mutex mutex_;
  Order order_ GUARDED_BY(mutex_);
  std::map<boost::asio::ip::address, Order::iterator> by_party_ GUARDED_BY(mutex_);
};

}  // namespace twinhub::management
