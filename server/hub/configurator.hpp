// Carries configurations out: gives each twin what the configurations that target it say, soon after either changed.
//
//   twin written  --> entity_changed(): its id waits                    (nothing, when there are no configurations)
//   configuration --> a new generation: a pass over all twins is due
//   tick          --> a slice of either: look at a twin, write what it lacks, do not wait for the disk
//
// Looking at a twin is a pure function of it and the configurations (protocol/configuration), so that it may be done
// again at any time. What waits is in memory alone; after a restart one pass looks at all twins, when there are
// configurations or when a change of them had not been carried out everywhere (Configurations::carried_out).
//
// IoT Hub looks every five minutes. Source: azure-docs iot-hub-automatic-device-management.
#pragma once

#include "protocol/configuration/edge_plan.hpp"
#include "server/hub/clock.hpp"
#include "server/hub/configurations.hpp"
#include "server/hub/configured_twin.hpp"
#include "server/hub/device_links.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <vector>

namespace twinhub::hub {

class Configurator final : public storage::EntityWatcher {
 public:
  /// Watches the store from now on: before anybody writes.
  Configurator(storage::Store& store, const Clock& clock, Random& random, DeviceLinks& links,
               Configurations& configurations, const ConfigurationOptions& options);

  /// Any thread.
  void entity_changed(const IdentityId& id) override;
  /// A slice of what waits. Not twice at once.
  void tick();

  struct Figures {
    std::uint64_t waiting = 0;      ///< changed twins to look at
    std::uint64_t in_flight = 0;    ///< writes that wait for the disk
    bool pass = false;              ///< all twins are being looked at, or are to be
    std::uint64_t changes = 0;      ///< twins changed for configurations
    std::uint64_t not_applied = 0;  ///< ... that could not take what a configuration says
  };
  /// Any thread.
  [[nodiscard]] Figures figures() const;

 private:
  using Set = std::shared_ptr<const configuration::ConfigurationSet>;
  void begin_pass(std::uint64_t generation);
  void end_pass();
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] bool look_at_waiting(std::size_t limit);
  void scan(std::size_t limit);
  [[nodiscard]] bool needs_a_look(const storage::StoredEntity& stored) const;
  [[nodiscard]] std::optional<IdentityId> take();
  void wait_again(const IdentityId& id);
  /// False: the store takes no writes now.
  bool look_at(const IdentityId& id);
  bool look_at_device(const IdentityId& id, const storage::Entity& device);
  bool configure(const IdentityId& id, const configuration::ModulePlan* plan, const configuration::Statuses& more,
                 const iothub::Identity* device);
  Result<storage::EntityChange> decide(const IdentityId& id, const storage::Entity& current,
                                       const configuration::ModulePlan* plan, const configuration::Statuses& more,
                                       Timestamp now, ConfiguredTwin& outcome);

  storage::Store& store_;
  const Clock& clock_;
  Random& random_;
  DeviceLinks& links_;
  Configurations& configurations_;
  const ConfigurationOptions options_;

  mutable std::mutex mutex_;
  std::deque<IdentityId> order_;            // guarded by mutex_
  std::unordered_set<IdentityId> waiting_;  // the same; guarded by mutex_
  bool overflowed_ = false;                 // guarded by mutex_; more were changed than may wait

  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> changes_{0};
  std::atomic<std::uint64_t> not_applied_{0};
  std::atomic<bool> passing_{false};
  std::atomic<std::uint64_t> pass_generation_{0};

  // Of the tick
  Set set_;
  std::uint64_t pass_failures_ = 0;
  bool again_ = false;               // when this pass ends, another one begins
  std::size_t spent_ = 0;            // of the tick's slice: looks, a write counts as several
  bool scanned_ = false;             // the pass has seen all; its writes may be on their way
  std::optional<IdentityId> after_;  // where the pass goes on
};

}  // namespace twinhub::hub
