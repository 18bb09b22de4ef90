// Removes jobs some time after their end, with the rows of their devices. Source: azure-docs
// iot-hub-devguide-quotas-throttling ("Job history is retained up to 30 days").
#pragma once

#include "server/base/clock.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <chrono>
#include <string>

namespace twinhub::hub {

class JobRetention {
 public:
  JobRetention(storage::Store& store, const Clock& clock, std::chrono::hours retention);

  /// A slice of the jobs, or of the rows of one that goes. Not twice at once.
  void tick();

 private:
  /// `settled`: the wall clock's time, which has held.
  void look_for_one(Timestamp settled);
  void remove_some();

  storage::Store& store_;
  const Clock& clock_;
  const std::uint64_t retention_ticks_;
  Timestamp next_round_;      ///< steady clock
  std::string looked_up_to_;  ///< key of the last state that was looked at
  std::string going_;         ///< the job that is being removed; "" = none
  bool last_slice_ = false;   ///< of its removal is being written
  std::atomic<bool> writing_{false};
  std::atomic<bool> written_{false};  ///< the last write, well
};

}  // namespace twinhub::hub
