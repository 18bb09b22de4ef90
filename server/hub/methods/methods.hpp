// Direct methods: a back end's call on its way to a device and the answer on its way back. In memory only: a call that
// the hub's end cuts off is not answered after it.
// Source: azure-docs iot-hub-devguide-direct-methods; azure-iot-sdk-node device_method.js.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "server/hub/connections/device_links.hpp"
#include "server/hub/connections/presence.hpp"
#include "server/hub/methods/method_invocation.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace twinhub::hub {

/// What the device said.
struct MethodAnswer {
  std::int32_t status = 0;       ///< the device's own: any number
  std::string payload = "null";  ///< one JSON value as the device wrote it, which is not always strict JSON
};

/// The payload as canonical JSON, for what is kept.
[[nodiscard]] std::string canonical_payload(const MethodAnswer& answer);

/// What may wait for devices at one time, in the whole hub; a call beyond is refused with throttling_exception.
struct MethodLimits {
  std::size_t calls_max = 10'000;
  std::size_t payload_bytes_max = 64U << 20;  ///< of calls that are not delivered yet
};

/// Any thread.
class Methods {
 public:
  Methods(storage::Store& store, const Clock& clock, Random& random, Presence& presence, DeviceLinks& links,
          MethodLimits limits);

  /// Errors: argument_invalid, message_too_large; device_not_found, module_not_found; throttling_exception;
  /// device_not_online (at once, or when connect_timeout is over); gateway_timeout (no answer in time);
  /// device_connection_closed_remotely (connection ended before the answer); invalid_response_while_proxying (an answer
  /// that is none); service_unavailable. Calls to one device run side by side. `done` runs on any thread.
  void invoke(const IdentityId& id, MethodInvocation invocation, Done<MethodAnswer> done);

  /// Gives up calls whose time is over. Cheap when there are none.
  void tick();
  /// The hub is about to end: what is not delivered is refused now, what is has at most `grace` to be answered.
  void shut_down(std::chrono::milliseconds grace);

  // For the doors, by the number of a MethodRequest that they were given. A number for which no caller waits is
  // ignored.
  /// The device is there and about to be sent the request. False: no caller waits for it any more, do not send it.
  [[nodiscard]] bool delivering(std::uint64_t number);
  /// The connection is gone, or does not take this method.
  void undelivered(std::uint64_t number, storage::Outbox& outbox);
  /// The device's answer: `status` is what stands in its topic, `payload` JSON text or empty.
  void answered(std::uint64_t number, std::string_view status, std::string_view payload, storage::Outbox& outbox);
  /// There will be no answer.
  void failed(std::uint64_t number, const Error& error, storage::Outbox& outbox);
  /// `id` is connected and has subscribed to methods: calls that wait for it try again.
  void device_ready(const IdentityId& id, storage::Outbox& outbox);

  struct Figures {
    std::uint64_t pending = 0;  ///< now
    std::uint64_t invoked = 0;  ///< since the start
    std::uint64_t timed_out = 0;
  };
  [[nodiscard]] Figures figures() const;

 private:
  using Number = std::uint64_t;
  struct Call {
    IdentityId id;
    std::shared_ptr<const MethodRequest> request;  ///< null once delivered
    Done<MethodAnswer> done;
    std::uint64_t deadline = 0;  ///< ticks
    std::int64_t response_timeout = 0;
    bool waits = false;  ///< for a device that is not online
    bool trying = true;  ///< a door has the request, and has not said yet whether it can be delivered
    bool again = false;  ///< the device became ready meanwhile
  };
  /// A device's calls are in one shard. A number's lowest bits name its shard.
  struct alignas(64) Shard {
    Mutex mutex;
    std::unordered_map<Number, Call> calls GUARDED_BY(mutex);
    std::set<std::pair<std::uint64_t, Number>> deadlines GUARDED_BY(mutex);
    /// Calls whose `waits` is true.
    std::unordered_map<IdentityId, std::set<Number>> waiting GUARDED_BY(mutex);
    std::atomic<std::uint64_t> next_deadline{std::numeric_limits<std::uint64_t>::max()};
  };
  static constexpr unsigned shard_bits = 4;

  [[nodiscard]] std::size_t shard_index(const IdentityId& id) const;
  [[nodiscard]] Shard& shard_of(Number number) { return shards_[number & (shards_.size() - 1)]; }
  [[nodiscard]] bool reserve(std::size_t payload_bytes);
  void attempt(std::shared_ptr<const MethodRequest> request, storage::Outbox& outbox);
  /// What undelivered() leads to: the request, when it is to be tried again at once.
  [[nodiscard]] std::shared_ptr<const MethodRequest> after_failed_attempt(Number number, storage::Outbox& outbox);
  /// Takes a call out of the tables: the caller has to answer it.
  [[nodiscard]] std::optional<Call> take(Shard& shard, Number number) REQUIRES(shard.mutex);
  static void forget_waiting(Shard& shard, const Call& call, Number number) REQUIRES(shard.mutex);
  static void set_deadline(Shard& shard, Call& call, Number number, std::uint64_t deadline) REQUIRES(shard.mutex);
  void release_payload(Call& call);

  storage::Store& store_;
  const Clock& clock_;
  Presence& presence_;
  DeviceLinks& links_;
  const MethodLimits limits_;
  std::array<Shard, 1U << shard_bits> shards_;
  std::atomic<std::uint64_t> next_number_;
  std::atomic<std::size_t> pending_{0};
  std::atomic<std::size_t> payload_bytes_{0};
  std::atomic<std::uint64_t> invoked_{0};
  std::atomic<std::uint64_t> timed_out_{0};
  std::atomic<bool> ending_{false};
};

}  // namespace twinhub::hub
