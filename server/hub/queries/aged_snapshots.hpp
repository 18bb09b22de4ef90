// What queries look at. By default the hub as it is; with a lag, the hub as it was that long ago, as IoT Hub's own
// queries lag behind, so that a back end which relies on fresh answers fails here and not in the cloud.
//
// With a lag, a snapshot of the store is taken every 1/16 of it (at least every tick of the hub, 100 ms), and a query
// gets the newest one that is old enough: it sees a state between one and about 17/16 lags old. At most 18 are held.
// Until the hub runs that long, queries see what was there when it started.
#pragma once

#include "server/base/clock.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <deque>
#include <memory>

namespace twinhub::hub {

/// Any thread.
class AgedSnapshots {
 public:
  static constexpr std::size_t per_lag = 16;

  AgedSnapshots(const storage::Store& store, const Clock& clock, std::chrono::milliseconds lag);

  /// Takes a snapshot when one is due and lets go of those that are too old. See Hub::tick().
  void tick();
  /// Errors: those of Store::snapshot().
  [[nodiscard]] Result<std::shared_ptr<const storage::Snapshot>> for_query();
  /// Lets go of all: the store is about to close.
  void clear();
  [[nodiscard]] std::size_t held() const;

 private:
  struct Aged {
    Timestamp taken;  ///< steady clock
    std::shared_ptr<const storage::Snapshot> snapshot;
  };

  void drop_old(Timestamp steady) REQUIRES(mutex_);

  const storage::Store& store_;
  const Clock& clock_;
  const std::uint64_t lag_ticks_;
  mutable Mutex mutex_;
  std::deque<Aged> aged_ GUARDED_BY(mutex_);  // oldest first
};

}  // namespace twinhub::hub
