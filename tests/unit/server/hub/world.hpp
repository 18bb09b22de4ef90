// A hub on a real store, with a clock that stands still and a wire that writes down what it is asked.
#pragma once

#include "protocol/json/document.hpp"
#include "server/hub/hub.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// Its steady clock began when its machine did, so that what mixes the two clocks fails. The test thread moves it.
class StillClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {latest_.load()}; }
  [[nodiscard]] Timestamp wall() const override { return {wall_.load()}; }
  [[nodiscard]] Timestamp steady() const override { return {steady_.load()}; }
  [[nodiscard]] std::optional<Timestamp> settled() const override {
    return steady_.load() < settled_from_.load() ? std::nullopt : std::optional(wall());
  }
  void advance_seconds(std::uint64_t seconds) {
    steady_ += seconds * ticks_per_second;
    set_wall(wall_ + seconds * ticks_per_second);
  }
  /// As a bad NTP answer does it: only the wall clock, forward or (negative) back.
  void step_seconds(std::int64_t seconds) {
    settled_from_ = steady_ + settling_ticks;
    set_wall(wall_ + static_cast<std::uint64_t>(seconds) * ticks_per_second);
  }
  [[nodiscard]] std::uint64_t unix_seconds() const { return (wall_ - unix_epoch_ticks) / ticks_per_second; }

  static constexpr std::uint64_t settling_seconds = std::chrono::seconds(SystemClock::settling).count();

 private:
  static constexpr std::uint64_t settling_ticks = settling_seconds * ticks_per_second;

  void set_wall(std::uint64_t ticks) {
    wall_ = ticks;
    latest_ = std::max(latest_.load(), ticks);
  }

  std::atomic<std::uint64_t> wall_ = timestamp_from_unix(1'800'000'000, 500'000'000).ticks;
  std::atomic<std::uint64_t> latest_ = wall_.load();
  std::atomic<std::uint64_t> steady_ = 1'000 * ticks_per_second;
  std::atomic<std::uint64_t> settled_from_ = 0;
};

/// Everything in the order it was told, answers too: see World::answered().
class RecordingLinks final : public DeviceLinks {
 public:
  struct Delta {
    IdentityId id;
    std::uint64_t version;
    std::string text;
  };
  struct Change {
    iothub::Identity now;
  };

  void desired_changed(const IdentityId& id, std::uint64_t version, const std::shared_ptr<const std::string>& delta,
                       storage::Outbox&) override {
    const std::lock_guard lock(mutex_);
    deltas_.push_back({id, version, *delta});
  }
  void messages_waiting(const IdentityId& id, storage::Outbox&) override {
    const std::lock_guard lock(mutex_);
    woken_.push_back(id.device);
  }
  void identity_changed(const iothub::Identity& now, storage::Outbox&) override {
    const std::lock_guard lock(mutex_);
    changes_.push_back({now});
  }
  void identity_deleted(const IdentityId& id, storage::Outbox&) override {
    const std::lock_guard lock(mutex_);
    deleted_.push_back(id);
  }

  /// Direct methods reach `connected` identities only; what becomes of them is for the test to say.
  bool invoke_method(const std::shared_ptr<const MethodRequest>& request, storage::Outbox&) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back(*request);
    return connected_.count(request->id) > 0;
  }
  void forget_method(const IdentityId&, std::uint64_t number, storage::Outbox&) override {
    const std::lock_guard lock(mutex_);
    forgotten_.push_back(number);
  }
  void connect(const IdentityId& id) {
    const std::lock_guard lock(mutex_);
    connected_.insert(id);
  }
  [[nodiscard]] std::vector<MethodRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::vector<std::uint64_t> forgotten() const {
    const std::lock_guard lock(mutex_);
    return forgotten_;
  }

  [[nodiscard]] std::vector<Delta> deltas() const {
    const std::lock_guard lock(mutex_);
    return deltas_;
  }
  [[nodiscard]] std::vector<Change> changes() const {
    const std::lock_guard lock(mutex_);
    return changes_;
  }
  /// Devices that were told of messages since this was asked last, in order.
  [[nodiscard]] std::vector<std::string> take_woken() {
    const std::lock_guard lock(mutex_);
    return std::exchange(woken_, {});
  }
  [[nodiscard]] std::vector<IdentityId> deleted() const {
    const std::lock_guard lock(mutex_);
    return deleted_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Delta> deltas_;
  std::vector<Change> changes_;
  std::vector<IdentityId> deleted_;
  std::vector<MethodRequest> requests_;
  std::vector<std::uint64_t> forgotten_;
  std::set<IdentityId> connected_;
  std::vector<std::string> woken_;
};

/// Runs `start` with a Done and waits for its answer. A Done that is called twice throws in the promise and fails the
/// test.
template <class T>
Result<T> answer_of(const std::function<void(Done<T>)>& start) {
  const auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  start([promise](Result<T> result, storage::Outbox&) { promise->set_value(std::move(result)); });
  return future.get();
}

/// base64 of 32 bytes, each `c`.
std::string test_key(char c);

/// Makes a memory store's options; tests change what they are about.
storage::StoreOptions memory_options();
/// On `clock`, which outlives it. Throws std::runtime_error with the Error's words.
std::unique_ptr<storage::Store> open_store(storage::StoreOptions options, const Clock& clock);

/// Of a request; nullopt = it has none.
IfMatch header(const std::optional<std::string>& text);

struct World {
  explicit World(storage::StoreOptions options = memory_options(), const HubOptions& hub_options = {});
  /// The store first: its last callbacks still find the hub.
  ~World() {
    hub.jobs.end();
    hub.census.stop();
    store.reset();
  }

  // Registry
  Result<Registry::Answer> put(const IdentityId& id, std::string_view body = "{}",
                               std::optional<std::string> if_match = {});
  Result<Registry::Answer> get(const IdentityId& id);
  Result<void> remove(const IdentityId& id, std::optional<std::string> if_match = "*");
  // Twins
  Result<Twins::Answer> twin(const IdentityId& id, Twins::Dialect dialect = {});
  Result<Twins::Answer> patch(const IdentityId& id, std::string_view body, std::optional<std::string> if_match = {},
                              Twins::Dialect dialect = {});
  Result<Twins::Answer> replace(const IdentityId& id, std::string_view body, std::optional<std::string> if_match = {});
  Result<std::string> device_view(const IdentityId& id);
  Result<std::uint64_t> report(const IdentityId& id, std::string_view body, std::optional<std::uint64_t> version = {});

  /// Every durable event of an identity, oldest first.
  [[nodiscard]] std::vector<storage::Event> events(const IdentityId& id) const;
  [[nodiscard]] iothub::Identity identity(const IdentityId& id) const;

  StillClock clock;
  SystemRandom random;
  RecordingLinks links;
  std::unique_ptr<storage::Store> store;
  Hub hub;
};

/// The value at a path such as "properties/desired/$version", as canonical JSON text; "" when absent.
std::string at(std::string_view json_text, std::string_view path);
/// The value of a property; "(absent)" and "(null)" when it has none.
std::string value_of(const std::vector<iothub::Property>& properties, std::string_view name);

#define EXPECT_REFUSED(what, wanted)             \
  do {                                           \
    const auto result = (what);                  \
    ASSERT_FALSE(result);                        \
    EXPECT_EQ(result.error().code, (wanted));    \
    EXPECT_FALSE(result.error().detail.empty()); \
  } while (false)

inline const IdentityId d1{"d1", ""};
inline const IdentityId m1{"d1", "m1"};

}  // namespace twinhub::hub
