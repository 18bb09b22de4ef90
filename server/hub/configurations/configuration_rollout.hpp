// Carries configurations out: gives each twin what the configurations that target it say, soon after the twin or a
// configuration changed.
//
//   twin written  --> entity_changed(): its id waits                    (nothing, when there are no configurations)
//   configuration --> a new generation: a pass over all twins is due
//   tick          --> a slice of either: look at a twin, write what it lacks, do not wait for the disk
//
// Looking at a twin is a pure function of it and the configurations (protocol/configuration), so that it may be done
// again at any time. The ids that wait are in memory alone; after a restart one pass looks at all twins, when there are
// configurations or when a change of them had not been carried out everywhere (ConfigurationStore::carried_out).
//
// IoT Hub looks every five minutes. Source: azure-docs iot-hub-automatic-device-management.
#pragma once

#include "protocol/configuration/edge_plan.hpp"
#include "server/base/clock.hpp"
#include "server/hub/configurations/configuration_store.hpp"
#include "server/hub/connections/device_links.hpp"
#include "server/hub/twins/twin_write.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

namespace twinhub::hub {

class ConfigurationRollout final : public storage::EntityWatcher {
 public:
  /// Watches the store from now on: to be made before the first write.
  ConfigurationRollout(storage::Store& store, const Clock& clock, Random& random, DeviceLinks& links,
                       ConfigurationStore& configurations, const ConfigurationOptions& options);

  /// Any thread.
  void entity_changed(const IdentityId& id) override;
  /// Looks at a slice of the twins that wait. Not twice at once.
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
  bool look_at_unplanned(const std::string& device, const configuration::EdgePlan& edge);
  bool configure(const IdentityId& id, const configuration::ModulePlan* plan, const configuration::Statuses& more,
                 const iothub::Identity* device);
  Result<DesiredDelta> apply(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before,
                             const configuration::ModulePlan* plan, const configuration::Statuses& more);

  storage::Store& store_;
  const Clock& clock_;
  Random& random_;
  DeviceLinks& links_;
  ConfigurationStore& configurations_;
  const ConfigurationOptions options_;

  mutable Mutex mutex_;
  std::deque<IdentityId> order_ GUARDED_BY(mutex_);            // the ids that wait, oldest first
  std::unordered_set<IdentityId> waiting_ GUARDED_BY(mutex_);  // the same ids
  bool overflowed_ GUARDED_BY(mutex_) = false;                 // more were changed than may wait

  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> changes_{0};
  std::atomic<std::uint64_t> not_applied_{0};
  std::atomic<bool> passing_{false};
  std::atomic<std::uint64_t> pass_generation_{0};

  // The ticking thread's
  Set set_;
  std::uint64_t pass_failures_ = 0;
  bool again_ = false;               // when this pass ends, another one begins
  std::size_t spent_ = 0;            // of this tick's slice: looks; a write counts as several
  bool scanned_ = false;             // the pass has seen all; its writes may be on their way
  std::optional<IdentityId> after_;  // where the pass goes on
};

}  // namespace twinhub::hub
