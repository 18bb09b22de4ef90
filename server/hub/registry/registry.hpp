// The identity registry: which devices and modules there are, with their keys, status and place under an edge device.
// Here they are created, updated, read, listed and deleted, one at a time; bulk_registry.hpp does it for many. Every
// other room looks an identity up in the store; only this one writes it.
// Source: azure-docs iot-hub-devguide-identity-registry; service API 2021-04-12.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "server/hub/connections/device_links.hpp"
#include "server/hub/registry/edge_tree.hpp"
#include "server/hub/twins/activities.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// On whose behalf the registry is written: a back end's, or that of the device whose modules they are.
enum class RegistryAuthor : std::uint8_t { back_end, own_device };

/// Any thread. JSON answers are bodies ready to send.
class Registry {
 public:
  struct Answer {
    std::string json;
    std::string etag;  ///< unquoted
  };

  Registry(storage::Store& store, const Clock& clock, Random& random, const Activities& activities, DeviceLinks& links);

  /// PUT: without If-Match creates only, with one updates only (a full replace: omitted keys are generated anew). A
  /// module is created under an existing device. Errors: argument_invalid, iot_hub_format_error, device_already_exists,
  /// module_already_exists_on_device, device_not_found, module_not_found, precondition_failed,
  /// too_many_modules_on_device. An edge device's system modules come with it, and only the device writes them.
  void put(const IdentityId& id, std::string_view body, const IfMatch& if_match, Done<Answer> done,
           RegistryAuthor author = RegistryAuthor::back_end);
  void get(const IdentityId& id, Done<Answer> done);
  /// If-Match is required ("Etag missing"). Erases twin, modules, sessions, messages; ends connections. Errors:
  /// system_module_modify_unauthorized_access for a back end's deletion of a system module; as put().
  void remove(const IdentityId& id, const IfMatch& if_match, Done<void> done,
              RegistryAuthor author = RegistryAuthor::back_end);
  /// GET /devices: at most `top` (1..1000) devices in id order, as a JSON array. May take milliseconds: call on the
  /// worker pool.
  [[nodiscard]] Result<std::string> list(std::size_t top) const;
  /// GET /devices/{id}/modules: all modules of a device, in id order, as a JSON array. Call as list(). Errors:
  /// device_not_found.
  [[nodiscard]] Result<std::string> list_modules(const std::string& device) const;

  /// Once, before a door opens. Errors: those of the store.
  [[nodiscard]] Result<void> recover() { return tree_.recover(); }
  [[nodiscard]] EdgeTree& tree() { return tree_; }

 private:
  /// `device`: of a module, the device it is put under.
  void write(const IdentityId& id, const iothub::IdentityRequest& request, const IfMatch& if_match,
             const iothub::Identity* device, EdgePlace place, Done<Answer> done);

  storage::Store& store_;
  const Clock& clock_;
  Random& random_;
  const Activities& activities_;
  DeviceLinks& links_;
  EdgeTree tree_;
};

}  // namespace twinhub::hub
