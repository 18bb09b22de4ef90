// The identity registry: create, update, read, list, delete.
// Source: azure-docs iot-hub-devguide-identity-registry; service API 2021-04-12.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "server/hub/clock.hpp"
#include "server/hub/cloud_to_device.hpp"
#include "server/hub/device_links.hpp"
#include "server/hub/done.hpp"
#include "server/hub/presence.hpp"
#include "storage/store.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// Any thread. JSON answers are bodies ready to send.
class Registry {
 public:
  struct Answer {
    std::string json;
    std::string etag;  ///< unquoted
  };

  Registry(storage::Store& store, const Clock& clock, Random& random, Presence& presence, DeviceLinks& links,
           CloudToDevice& messages);

  /// PUT: without If-Match creates only, with one updates only (a full replace: omitted keys are generated anew). A
  /// module is created under an existing device. Errors: argument_invalid, iot_hub_format_error, device_already_exists,
  /// module_already_exists_on_device, device_not_found, module_not_found, precondition_failed,
  /// too_many_modules_on_device.
  void put(const IdentityId& id, std::string_view body, const IfMatch& if_match, Done<Answer> done);
  void get(const IdentityId& id, Done<Answer> done);
  /// If-Match is required ("Etag missing"). Erases twin, modules, sessions, messages; ends connections.
  void remove(const IdentityId& id, const IfMatch& if_match, Done<void> done);
  /// GET /devices: at most `top` (1..1000) devices in id order, as a JSON array. May take milliseconds: call on the
  /// worker pool.
  [[nodiscard]] Result<std::string> list(std::size_t top) const;
  /// GET /devices/{id}/modules: all modules of a device, in id order, as a JSON array. Call as list(). Errors:
  /// device_not_found.
  [[nodiscard]] Result<std::string> list_modules(const std::string& device) const;

 private:
  /// `device`: of a module, the device it is put under.
  void write(const IdentityId& id, const iothub::IdentityRequest& request, const IfMatch& if_match,
             const iothub::Identity* device, Done<Answer> done);

  storage::Store& store_;
  const Clock& clock_;
  Random& random_;
  Presence& presence_;
  DeviceLinks& links_;
  CloudToDevice& messages_;
};

}  // namespace twinhub::hub
