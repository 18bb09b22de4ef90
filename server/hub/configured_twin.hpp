// A change that the hub itself makes to a twin for a configuration: with the delta and the event that a back end's
// PATCH would have had. Source: azure-docs iot-hub-automatic-device-management; iot-hub-non-telemetry-event-schema.
#pragma once

#include "protocol/ids.hpp"
#include "server/hub/clock.hpp"
#include "server/hub/device_links.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

/// Filled anew on each run of the decision that it belongs to.
struct ConfiguredTwin {
  std::shared_ptr<const std::string> delta;
  std::uint64_t desired_version = 0;

  /// When the change is durable: tells the device.
  void tell(const IdentityId& id, DeviceLinks& links, storage::Outbox& outbox) const {
    if (delta) links.desired_changed(id, desired_version, delta, outbox);
  }
};

/// The identity of a module that an edge deployment names and the registry does not know: as IoT Hub makes it, for
/// the IoT Edge runtime to manage. `etag`: nine digits by chance.
[[nodiscard]] iothub::Identity edge_module_identity(const IdentityId& id, std::uint64_t etag, Timestamp now);
/// Drawn before a decision, which may run twice.
[[nodiscard]] std::uint64_t draw_identity_etag(Random& random);

/// What `before` becomes with `desired_patch` ("" = none) and `configurations` (nullopt = as they are). Empty when
/// nothing changes. Errors: those of twin::apply_service_patch.
[[nodiscard]] Result<storage::EntityChange> configure_twin(const IdentityId& id, const twin::Twin& before,
                                                           std::string_view desired_patch,
                                                           const std::optional<std::string>& configurations,
                                                           Timestamp now, ConfiguredTwin& outcome);

/// Removes a module that was created while its device was being deleted.
void erase_orphan(storage::Store& store, const IdentityId& module, const std::string& device_generation_id,
                  Timestamp now);

}  // namespace twinhub::hub
