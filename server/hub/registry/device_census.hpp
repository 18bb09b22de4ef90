// How many devices there are, for the metrics page: counted again and again, in slices, so that no writer of identities
// has to count along.
#pragma once

#include "server/base/clock.hpp"
#include "server/hub/registry/bulk_registry.hpp"
#include "storage/guarded.hpp"

#include <cstdint>
#include <optional>

namespace twinhub::hub {

/// tick() and stop() by one thread at a time, figures() from any.
class DeviceCensus {
 public:
  DeviceCensus(const BulkRegistry& registry, const Clock& clock) : registry_(registry), clock_(clock) {}

  /// Counts on, a slice at most. A count begins a second after the last one, later when that took long: it takes a
  /// hundredth of one thread's time.
  void tick();
  /// Lets go of the store.
  void stop() { count_.reset(); }

  struct Figures {
    std::uint64_t enabled = 0;
    std::uint64_t disabled = 0;
  };
  /// Of the newest count that is over; nullopt: of none yet.
  [[nodiscard]] std::optional<Figures> figures() const;

 private:
  const BulkRegistry& registry_;
  const Clock& clock_;
  std::optional<BulkRegistry::Count> count_;  ///< under way
  std::uint64_t worked_ticks_ = 0;            ///< in its slices
  Timestamp next_;                            ///< when the next begins, on the steady clock
  mutable Mutex mutex_;
  std::optional<Figures> figures_ GUARDED_BY(mutex_);
};

}  // namespace twinhub::hub
