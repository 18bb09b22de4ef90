// Reading and changing twins, for both doors.
// Source: azure-docs iot-hub-devguide-device-twins.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/twin/patch.hpp"
#include "server/hub/clock.hpp"
#include "server/hub/cloud_to_device.hpp"
#include "server/hub/device_links.hpp"
#include "server/hub/done.hpp"
#include "server/hub/presence.hpp"
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

  Twins(storage::Store& store, const Clock& clock, Presence& presence, DeviceLinks& links, CloudToDevice& messages);

  // Back ends
  void get(const IdentityId& id, Dialect dialect, Done<Answer> done);
  /// Errors: those of twin::apply_service_patch; precondition_failed; device_not_found. On success, the delta has been
  /// handed to the device's link, after the commit and in version order.
  void patch(const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect, Done<Answer> done);
  void replace(const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect,
               Done<Answer> done);

  /// What is written beside a twin's change, in the same atomic unit; nullopt: neither of them is to be written.
  /// `patched`: why the twin stays as it is, or Ok, also for a change that changes nothing; `bytes`: about what the
  /// twin holds. Asked under the twin's lock; may be asked twice.
  using Beside = std::function<std::optional<storage::RecordWrite>(const Result<void>& patched, std::size_t bytes)>;
  /// A job's patch(), with If-Match `*`: whatever becomes of the twin, the record tells of it and is durable with it.
  /// `done` gets Ok once that is so, or once it is certain that nothing had to be written. Errors:
  /// service_unavailable (nothing was written that is known of: a store that failed may show it when it is back).
  void patch_beside(const IdentityId& id, std::string_view body, const Beside& beside, Done<void> done);

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
  enum class Write : std::uint8_t { patch, replace, patch_digital };
  void write(Write kind, const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect,
             Done<Answer> done);

  storage::Store& store_;
  const Clock& clock_;
  Presence& presence_;
  DeviceLinks& links_;
  CloudToDevice& messages_;
};

}  // namespace twinhub::hub
