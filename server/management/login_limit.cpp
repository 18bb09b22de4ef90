#include "server/management/login_limit.hpp"

#include "server/net/peer_address.hpp"

#include <algorithm>

namespace twinhub::management {

unsigned LoginLimit::wait_of(const boost::asio::ip::address& peer) const {
  const std::uint64_t now = clock_.steady().ticks;
  const MutexLock lock(mutex_);
  const auto found = by_party_.find(net::party_of(peer));
  if (found == by_party_.end()) return 0;
  const std::uint64_t paid_until = found->second->paid_until;
  // There is room for one failure more once the debt is one failure below the most.
  if (paid_until <= now + debt_max_ - ticks_per_failure_) return 0;
  const std::uint64_t wait = paid_until - (now + debt_max_ - ticks_per_failure_);
  return static_cast<unsigned>((wait + ticks_per_second - 1) / ticks_per_second);
}

void LoginLimit::note_failure(const boost::asio::ip::address& peer) {
  const boost::asio::ip::address party = net::party_of(peer);
  const std::uint64_t now = clock_.steady().ticks;
  const MutexLock lock(mutex_);
  const auto found = by_party_.find(party);
  if (found != by_party_.end()) {
    const auto entry = found->second;
    entry->paid_until = std::min(std::max(entry->paid_until, now) + ticks_per_failure_, now + debt_max_);
    order_.splice(order_.end(), order_, entry);
    return;
  }
  if (by_party_.size() >= addresses_max_) {
    by_party_.erase(order_.front().party);
    order_.pop_front();
  }
  order_.push_back({party, now + ticks_per_failure_});
  by_party_.emplace(party, std::prev(order_.end()));
}

std::size_t LoginLimit::addresses() const {
  const MutexLock lock(mutex_);
  return by_party_.size();
}

}  // namespace twinhub::management
