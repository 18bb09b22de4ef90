// The tree of edge devices: which devices stand under which scope, how many layers of edge devices there are, and that
// none stands under itself. An identity says who is above it; what is below a scope is kept beside it, in records of
// their own (storage/FORMAT.md, "edge_children"), so that nobody has to look at every device to find a handful.
// Source: azure-docs iot-edge-limits-and-restrictions ("Number of nested hierarchy layers"), iot-edge-as-gateway.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// Layers of edge devices below the topmost one.
inline constexpr std::size_t nested_layers_max = 5;

/// Where a request would put a device.
struct EdgePlace {
  std::vector<std::string> unknown;  ///< scopes of the request that no edge device has: no device is newly put there
  std::vector<std::string> above;    ///< those of its parents and of their parents, up to the top
  bool too_deep = false;             ///< more layers than nested_layers_max, its own children counted
};

/// Any thread.
class EdgeTree {
 public:
  explicit EdgeTree(storage::Store& store) : store_(store) {}

  /// Once, at the start: makes the records for the devices of an older version's folder.
  [[nodiscard]] Result<void> recover();

  /// `pending`: devices that the same request has written, which may not be durable yet. Errors: service_unavailable.
  [[nodiscard]] Result<EdgePlace> place_of(const IdentityId& id, const iothub::IdentityRequest& request,
                                           const std::vector<IdentityId>& pending = {}) const;

  /// Runs `write`, which looks a place up and then writes; a request that may move an edge device runs alone, so that
  /// two of them never put each other's device under their own. `write` must not call this again.
  template <class Write>
  void in_turn(const iothub::IdentityRequest& request, Write&& write) EXCLUDES(moves_) {
    if (!request.wanted.iot_edge || request.wanted.parent_scopes.empty()) return write();
    const MutexLock turn(moves_);
    write();
  }

 private:
  [[nodiscard]] Result<std::size_t> layers_above(const std::vector<std::string>& parents,
                                                 std::vector<std::string>& above) const;
  [[nodiscard]] Result<std::size_t> layers_below(const std::string& scope,
                                                 const std::vector<IdentityId>& pending) const;

  storage::Store& store_;
  Mutex moves_;
};

/// Puts the records of a device's children that change into `change`. Null: it was not there, or is going.
void put_place(storage::EntityChange& change, const iothub::Identity* before, const iothub::Identity* now);

/// Whether `child` stands right under `parent`.
[[nodiscard]] bool is_child(const iothub::Identity& child, const iothub::Identity& parent);

/// Whose scope it is, by its form; "" when it has another.
[[nodiscard]] std::string device_of_scope(std::string_view scope);

/// One child of a scope, as the records have it: its identity may have moved on. `position` goes on behind it.
using ChildVisitor = std::function<bool(std::string_view position, const IdentityId& child)>;
/// Before the first child, and as ChildVisitor gave it.
inline constexpr std::string_view first_position = "e";
[[nodiscard]] bool is_child_position(std::string_view position);
/// Visits durable records, edge devices first, then leaves, each in id order, behind `position`, until `visit` returns
/// false. Errors: service_unavailable.
[[nodiscard]] Result<void> scan_children(const storage::Store& store, const std::string& scope,
                                         std::string_view position, const ChildVisitor& visit);

}  // namespace twinhub::hub
