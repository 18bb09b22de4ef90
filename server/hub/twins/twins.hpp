// Twins as the doors ask for them: back ends read, patch and replace them, devices read theirs and report. The room's
// other half, twin_write.hpp, is how any part of the hub changes a twin. The rules of merging, versions and sizes are
// pure and stand in protocol/twin; this room adds the store, the events and the devices' connections.
// Source: azure-docs iot-hub-devguide-device-twins.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/twin/patch.hpp"
#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "server/hub/connections/device_links.hpp"
#include "server/hub/connections/presence.hpp"
#include "server/hub/twins/activities.hpp"
#include "server/hub/twins/twin_write.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

/// Whether a device may announce it at CONNECT. A DTMI is printable ASCII of a bounded length; anything else that a
/// client may have put there is not worth keeping, and not to be stamped on its telemetry.
[[nodiscard]] bool is_model_id(std::string_view text);

/// Any thread.
class Twins {
 public:
  struct Answer {
    std::string json;  ///< the service view
    std::string etag;  ///< unquoted
  };
  /// What the caller's api-version asks for.
  struct Dialect {
    bool arrays_allowed = true;  ///< from 2019-10-01
    bool show_model_id = true;   ///< from 2020-09-30
  };

  Twins(storage::Store& store, const Clock& clock, Presence& presence, const Activities& activities,
        DeviceLinks& links);

  // Back ends
  void get(const IdentityId& id, Dialect dialect, Done<Answer> done);
  /// Errors: those of twin::apply_service_patch; precondition_failed; device_not_found. On success, the delta has been
  /// handed to the device's link, after the commit and in version order.
  void patch(const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect, Done<Answer> done);
  void replace(const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect,
               Done<Answer> done);

  /// The record of a patch, written in the same atomic unit as the twin; nullopt: neither is to be written. `patched`:
  /// Ok (also when the patch changes nothing), or why the twin stays as it is; `bytes`: about what the twin holds.
  /// Called under the twin's lock, and possibly twice.
  using PatchRecord =
      std::function<std::optional<storage::RecordWrite>(const Result<void>& patched, std::size_t bytes)>;
  /// A job's patch(), with If-Match `*`: the record says what became of the patch and is durable together with the
  /// twin. `done` gets Ok once both are durable, or once it is certain that nothing had to be written. Errors:
  /// service_unavailable (no write is known of; a store that failed may show one when it is back).
  void patch_with_record(const IdentityId& id, const ServiceBody& body, const PatchRecord& record_of, Done<void> done);

  // Digital twins of devices: the same twin, seen through IoT Plug and Play.
  void get_digital(const std::string& device, Done<Answer> done);
  /// Errors: those of twin::apply_digital_twin_patch; precondition_failed; device_not_found. Deltas as with patch().
  void patch_digital(const std::string& device, std::string_view body, const IfMatch& if_match, Done<Answer> done);

  // Devices
  void get_device_view(const IdentityId& id, Done<std::string> done);
  /// Answers with the new reported.$version. Errors: those of twin::apply_reported_patch; device_not_found.
  void patch_reported(const IdentityId& id, std::string_view body, std::optional<std::uint64_t> expected_version,
                      Done<std::uint64_t> done);
  /// Keeps the PnP model id that a device announced at CONNECT; writes only when it differs.
  void announce_model(const IdentityId& id, std::string_view model_id);

 private:
  enum class Method : std::uint8_t { patch, replace, patch_digital };
  void write(Method method, const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect,
             Done<Answer> done);

  storage::Store& store_;
  const Clock& clock_;
  Presence& presence_;
  const Activities& activities_;
  DeviceLinks& links_;
};

}  // namespace twinhub::hub
