// The one place that every operation of a peer passes before the hub acts on it: where it is counted, delayed or
// refused. Both doors ask here; with no SKU set and no fault at work that is one load and one branch.
#pragma once

#include "protocol/error.hpp"
#include "server/hub/limits/device_buckets.hpp"
#include "server/hub/limits/faults.hpp"
#include "server/hub/limits/throttle.hpp"
#include "storage/guarded.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace twinhub::hub {

struct GateOptions {
  ThrottleOptions throttle;
  ByteRate device_bytes;                        ///< of each device and module
  std::size_t devices_remembered_max = 65'536;  ///< that sent much and are away
  bool faults = false;                          ///< obey the fault-injection properties of telemetry
};

/// Any thread; never blocks.
class Gate {
 public:
  Gate(const GateOptions& options, const Clock& clock);

  /// A device or module asks. `bytes`: of the message or patch.
  [[nodiscard]] Admission admit(const IdentityId& id, Operation operation, std::uint64_t bytes = 0) {
    if (!armed_.load(std::memory_order_relaxed)) return {};
    return admit_armed(&id, operation, bytes);
  }
  /// A back end asks.
  [[nodiscard]] Admission admit(Operation operation, std::uint64_t bytes = 0) {
    if (!armed_.load(std::memory_order_relaxed)) return {};
    return admit_armed(nullptr, operation, bytes);
  }
  /// A device has sent a request of `bytes` over a protocol that cannot hold it back: Refusal::throttled past its rate
  /// of bytes.
  [[nodiscard]] Refusal admit_bytes(const IdentityId& id, Operation operation, std::uint64_t bytes);
  /// The rate of bytes over the other protocols: connections count, and leave their levels here.
  [[nodiscard]] DeviceBuckets& device_buckets() { return device_buckets_; }
  /// How a refusal is put into words. REQUIRES: not Refusal::none.
  [[nodiscard]] Error error_of(Refusal refusal, Operation operation) const;

  [[nodiscard]] bool obeys_faults() const { return obeys_faults_; }
  [[nodiscard]] bool is_new(const IdentityId& id, const Fault& fault) { return faults_.is_new(id, fault); }
  void strike(const IdentityId& id, const Fault& fault);

  /// See Hub::tick().
  void tick();

  /// For the metrics page.
  struct Figures {
    std::array<std::uint64_t, operation_count> delayed{};
    std::array<std::uint64_t, operation_count> refused{};  ///< for whatever reason
    std::uint64_t faults = 0;
    std::uint64_t messages_today = 0;
    std::uint64_t daily_messages = 0;  ///< 0 = no limit
  };
  [[nodiscard]] Figures figures() const;

 private:
  [[nodiscard]] Admission admit_armed(const IdentityId* id, Operation operation, std::uint64_t bytes);

  const bool obeys_faults_;
  std::atomic<bool> armed_;
  Throttle throttle_;
  Faults faults_;
  DeviceBuckets device_buckets_;
  Mutex arming_mutex_;  // held while `armed_` is made to follow what faults_ holds
  std::array<std::atomic<std::uint64_t>, operation_count> delayed_{};
  std::array<std::atomic<std::uint64_t>, operation_count> refused_{};
};

}  // namespace twinhub::hub
