// What Azure Resource Manager remembers of this hub: labels. Resource groups, the name, group, tags and size that the
// hub was given, and the deployments that led there. None of it is read by the hub itself.
#pragma once

#include "protocol/ids.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::management {

struct ResourceGroup {
  std::string name;
  std::string location;
  std::string tags = "{}";  ///< canonical JSON object of texts
  bool kept = true;         ///< false: the configuration alone names it
};

struct HubLabels {
  std::string name;
  std::string group;
  std::string location;
  std::string tags = "{}";
  std::string sku = "S1";
  std::uint32_t capacity = 1;
  std::uint64_t etag = 1;  ///< shown by twin_etag(); grows with every change
  Timestamp created;       ///< 0 = not known
  bool adopted = false;    ///< a client has created it; else the configuration alone names it
};

struct Deployment {
  std::string group;
  std::string name;
  std::string document;  ///< the whole answer to a GET
  Timestamp at;
};

/// The hub that a configuration names is there before anybody creates it, in a group of the configuration's.
struct ConfiguredHub {
  std::string name;  ///< "" = none: the first one that is created
  std::string group;
};

/// Reads are from any thread; writes from one at a time. A write returns when it is durable.
class ArmState {
 public:
  static constexpr std::size_t groups_max = 200;
  static constexpr std::size_t deployments_max = 100;  ///< of all groups; the oldest goes

  ArmState(storage::Store& store, ConfiguredHub configured) : store_(store), configured_(std::move(configured)) {}

  /// Once, before anything else. Errors: those of the store; a record that is damaged or of a newer version.
  [[nodiscard]] Result<void> load();

  /// In the order of their names. With a configured hub that nobody has created, its group is among them.
  [[nodiscard]] std::vector<ResourceGroup> groups() const;
  [[nodiscard]] std::optional<ResourceGroup> group(std::string_view name) const;
  [[nodiscard]] std::optional<HubLabels> hub() const;
  [[nodiscard]] std::vector<Deployment> deployments(std::string_view group) const;
  [[nodiscard]] std::optional<Deployment> deployment(std::string_view group, std::string_view name) const;

  // Errors of all writes: service_unavailable.
  /// REQUIRES: a new group finds room: groups_max.
  [[nodiscard]] Result<void> put(const ResourceGroup& group);
  /// With its deployments.
  [[nodiscard]] Result<void> remove_group(std::string_view name);
  /// With its group, where that is the configuration's and not kept yet.
  [[nodiscard]] Result<void> put(const HubLabels& hub);
  [[nodiscard]] Result<void> put(const Deployment& deployment);
  [[nodiscard]] Result<void> remove_deployment(std::string_view group, std::string_view name);

  /// A mark that the hub is being emptied, for a restart to find; `group`: to be removed with it, "" = none.
  [[nodiscard]] Result<void> begin_erasing(const std::string& group);
  /// The mark's group; nullopt: there is none.
  [[nodiscard]] std::optional<std::string> erasing() const;
  /// The hub is empty: it is forgotten, with the mark and its group.
  [[nodiscard]] Result<void> end_erasing();
  /// The deletion is given up: what it has not reached stays, and no later start goes on with it.
  [[nodiscard]] Result<void> drop_mark();

 private:
  using Writes = std::vector<storage::RecordWrite>;
  [[nodiscard]] Result<void> write(Writes writes) const;
  [[nodiscard]] Result<void> take(std::string_view key, std::string_view record);
  [[nodiscard]] Writes removal_of_group(std::string_view name) const;
  void forget_group(std::string_view name) REQUIRES(mutex_);
  [[nodiscard]] bool shows_configured() const REQUIRES(mutex_);

  storage::Store& store_;
  const ConfiguredHub configured_;

  mutable Mutex mutex_;
  // By the folded name; of deployments, group and name.
  std::map<std::string, ResourceGroup, std::less<>> groups_ GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, Deployment> deployments_ GUARDED_BY(mutex_);
  std::optional<HubLabels> hub_ GUARDED_BY(mutex_);
  bool hub_deleted_ GUARDED_BY(mutex_) = false;  ///< a configured hub is not shown again before it is created
  std::optional<std::string> erasing_ GUARDED_BY(mutex_);
};

/// For a start without Resource Manager: no later start goes on with a deletion that was cut short. True: there was one.
[[nodiscard]] Result<bool> drop_erasing_mark(storage::Store& store);

}  // namespace twinhub::management
