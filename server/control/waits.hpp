// Being told when a condition holds, in the place of asking again and again: the event log says that a device has changed
// or sent something, and then its condition is looked at. What changes without an event (a device's status, how many
// messages wait for it, connections whose events are switched off) is seen within a second.
#pragma once

#include "protocol/error.hpp"
#include "server/control/wait_request.hpp"
#include "server/hub/queries/queries.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace twinhub::control {

/// What a wait came to.
struct WaitEnd {
  bool met = false;  ///< false: its time was over first
  std::chrono::milliseconds waited{0};
  std::string json;  ///< of the twin as a query shows it, or of the event; "" when it was not met
};

/// Any thread, unless said otherwise. Made by std::make_shared.
class Waits : public std::enable_shared_from_this<Waits> {
 public:
  /// Called once, from any thread. Errors: those of the store; service_unavailable when the hub stops.
  using Ended = std::function<void(Result<WaitEnd>)>;

  /// All outlive it, up to stop(). More than `waits_max` at once are refused.
  Waits(storage::Store& store, hub::Queries& queries, std::string hub_name, boost::asio::thread_pool& workers,
        std::size_t waits_max)
      : store_(store), queries_(queries), hub_name_(std::move(hub_name)), workers_(workers), waits_max_(waits_max) {}

  /// Returns its number. Errors: generic_too_many_requests, service_unavailable; `ended` is not called then.
  [[nodiscard]] Result<std::uint64_t> begin(WaitRequest request, Ended ended);
  /// Nobody waits any more: `ended` need not be called.
  void forget(std::uint64_t number);
  /// Events are durable that were not before. Quick.
  void wake();
  /// Ends what has waited long enough, and looks at the other twins once a second. Several times a second, from one
  /// thread at a time.
  void tick();
  /// Ends all; begin() takes no more.
  void stop();

 private:
  struct Wait;
  using Shared = std::shared_ptr<Wait>;

  void schedule() REQUIRES(mutex_);
  void pass();
  [[nodiscard]] bool look(Wait& wait);
  [[nodiscard]] Result<bool> look_for_message(Wait& wait);
  [[nodiscard]] Result<bool> look_at_twin(Wait& wait);
  [[nodiscard]] Result<bool> has_changed(Wait& wait) const;
  void end(const Shared& wait, Result<WaitEnd> how);

  storage::Store& store_;
  hub::Queries& queries_;
  const std::string hub_name_;
  boost::asio::thread_pool& workers_;
  const std::size_t waits_max_;
  Mutex mutex_;
  std::vector<Shared> waits_ GUARDED_BY(mutex_);
  bool scheduled_ GUARDED_BY(mutex_) = false;  ///< a pass is under way, or will be
  bool again_ GUARDED_BY(mutex_) = false;      ///< something came while it was
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::uint64_t last_number_ GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::time_point looked_ GUARDED_BY(mutex_);  ///< at all twins
};

}  // namespace twinhub::control
