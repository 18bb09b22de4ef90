// What edge hub asks for: the identities, with their keys, of the devices and modules under its edge device, so that it
// can let them in while the hub cannot be reached. An edge hub sees its own device's tree and nothing else. For an edge
// device further down it asks with a chain of device ids, "child;...;its own", each the parent of the one before.
// Source: Azure/iotedge edge-hub, ServiceProxy, DeviceScopeApiClient, NestedDeviceScopeApiClient, AuthChainHelpers,
// DeviceScopeController; what IoT Hub answers to a chain that is none is inferred from the last of these.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "server/hub/twins/activities.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// Device ids from the one that is asked for up to the edge device that asks.
using AuthChain = std::vector<std::string>;
/// "leaf;child;parent"; a module in front ("leaf/module;leaf;...") stands for its device. Errors: argument_null,
/// argument_invalid.
[[nodiscard]] Result<AuthChain> parse_auth_chain(std::string_view text);

/// Any thread. A call may take milliseconds: call on the worker pool.
class EdgeScopes {
 public:
  static constexpr std::size_t page_devices_max = 1000;

  struct Page {
    std::string devices;  ///< JSON arrays
    std::string modules;
    std::string next;  ///< for the next page; "" = this was the last
  };

  EdgeScopes(const storage::Store& store, const Activities& activities) : store_(store), activities_(activities) {}

  /// The chain's first device, its modules, the devices right under it, and the modules of those that are leaves: edge
  /// hub asks for each edge device apart. `from` is "" or a page's `next`. Durable state alone. Errors:
  /// iot_hub_unauthorized_access, argument_invalid, service_unavailable. REQUIRES: `devices` is 1 to page_devices_max.
  [[nodiscard]] Result<Page> list(const std::string& actor, const AuthChain& chain, std::size_t devices,
                                  std::string_view from) const;
  /// One device at or anywhere below the chain's first; or a module, and its device. Errors: as list(), save
  /// argument_invalid; module_not_found.
  [[nodiscard]] Result<Page> find(const std::string& actor, const AuthChain& chain, const IdentityId& target) const;

 private:
  const storage::Store& store_;
  const Activities& activities_;
};

}  // namespace twinhub::hub
