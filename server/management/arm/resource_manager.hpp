// Azure Resource Manager for one hub: its subscription, resource groups, and `Microsoft.Devices/IotHubs` with exactly
// one hub in it, this process. Requests in, answers out; who asks was decided before.
//
// Everything is answered synchronously: provisioningState Succeeded and no operation header ends az's and the SDKs'
// polling at once.
// Source: azure-rest-api-specs specification/iothub and specification/resources; azure-cli command_modules/iot.
#pragma once

#include "server/hub/hub.hpp"
#include "server/management/arm/arm_types.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace twinhub::management {

/// A message route as it is shown, with its condition as written.
struct ShownRoute {
  std::string name;
  std::string source;
  std::string condition = "true";
  std::vector<std::string> endpoints = {};
  bool enabled = true;
};

struct EndpointHealth {
  std::string name;
  bool healthy = true;
};

/// Which events go where, as the settings say.
struct ShownRouting {
  std::vector<ShownRoute> routes = {};
  ShownRoute fallback = {};
  std::vector<std::string> endpoints = {};  ///< names of those that are configured, without the built-in one
};

struct ArmOptions {
  std::string subscription = {};  ///< GUIDs of this data folder
  std::string tenant = {};
  std::string hub_name = {};            ///< "" = the first name that is created
  std::string event_hub = "localhost";  ///< the Event Hubs-compatible endpoint's entity path
  std::uint16_t event_hub_port = 5671;
  std::string resource_group = "twinhub";  ///< of a hub whose name is configured
  bool delete_erases = false;              ///< deleting the hub or its group empties the hub; else it is refused
  std::string sku = "off";                 ///< setting `sku`: what limits the hub
  unsigned units = 1;                      ///< setting `units`
  unsigned partitions = 4;                 ///< of the event log
  unsigned retention_hours = 24;           ///< of the event log
  unsigned c2d_ttl_default_seconds = 3600;
  unsigned c2d_max_delivery_count = 10;
  ShownRouting routing = {};
  std::function<std::vector<EndpointHealth>()> endpoint_health = {};
  /// Writes the policies where the next start finds them, before it returns. REQUIRES: set.
  std::function<Result<void>(const std::vector<hub::Policy>&)> keep_policies = {};
  /// The process is asked to stop, also while it starts; empty: it never is.
  std::function<bool()> stop_is_asked = {};
};

/// One request at a time, on any thread but an I/O thread: a request may wait for the disk, and a deletion empties the
/// hub.
class ResourceManager {
 public:
  /// `hub` and `random` outlive it.
  ResourceManager(hub::Hub& hub, hub::Random& random, ArmOptions options);
  ~ResourceManager();

  /// Reads what the last run has left, and ends a deletion that was cut short: with delete_erases by going on with it,
  /// else by giving it up. Once, before a door opens, after Hub::recover(). Errors: those of the store.
  [[nodiscard]] Result<void> load();

  [[nodiscard]] ArmAnswer answer(const ArmRequest& request);

  /// From the next request on the hub has this routing. Any thread.
  void show(ShownRouting routing);

  /// From here on every request is refused, and a deletion under way ends at its next slice: its mark is for the next
  /// start. Any thread.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace twinhub::management
