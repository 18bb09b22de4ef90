// How many twins have not done what is desired of them: counted by a pass over all of them, which costs what a query
// does. So it is made while somebody looks at it, and once a minute at most.
#pragma once

#include "protocol/ids.hpp"
#include "server/base/clock.hpp"
#include "server/console/drift.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace twinhub::console {

/// Any thread.
class PendingCount : public std::enable_shared_from_this<PendingCount> {
 public:
  static constexpr std::chrono::seconds pace{60};
  static constexpr std::size_t shown_max = 100;

  struct Result {
    std::uint64_t number = 0;  ///< grows with every pass; 0 = none was made
    Timestamp counted_at;
    std::uint64_t twins = 0;
    std::uint64_t pending = 0;
    std::uint64_t rejected = 0;
    std::uint64_t diverged = 0;
    Timestamp oldest;
    struct Device {
      IdentityId id;
      Drift drift;
    };
    std::vector<Device> devices;  ///< the first shown_max of all these
  };
  struct State {
    std::shared_ptr<const Result> result;  ///< never null
    bool counting = false;
  };

  /// All outlive the passes: stop() comes before their end.
  PendingCount(const storage::Store& store, const hub::Clock& clock, boost::asio::thread_pool& workers)
      : store_(store), clock_(clock), workers_(workers) {}

  /// What is known; a pass begins when that is old.
  [[nodiscard]] State ask();
  /// The pass under way ends at its next slice.
  void stop();

 private:
  struct Pass;
  void work(std::shared_ptr<Pass> pass);
  void end(const Pass& pass, bool done);

  const storage::Store& store_;
  const hub::Clock& clock_;
  boost::asio::thread_pool& workers_;
  mutable Mutex mutex_;
  std::shared_ptr<const Result> result_ GUARDED_BY(mutex_) = std::make_shared<Result>();
  bool counting_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::uint64_t begun_ GUARDED_BY(mutex_) = 0;  ///< on the steady clock, ticks; 0 = never
};

}  // namespace twinhub::console
