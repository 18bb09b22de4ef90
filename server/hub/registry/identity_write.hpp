// How one identity is created or replaced, alone (PUT), as one of many (POST /devices) or by the hub itself (a module of
// an edge deployment): the decision, as a function of what is there. The twin's part goes through twins/twin_write.hpp.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "server/base/clock.hpp"
#include "server/hub/connections/device_links.hpp"
#include "server/hub/registry/edge_modules.hpp"
#include "server/hub/registry/edge_tree.hpp"
#include "server/hub/twins/twin_write.hpp"
#include "storage/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::hub {

/// The random values of a write. Drawn before its decision, which may run twice and must decide the same.
struct DrawnValues {
  std::string primary_key;  ///< base64 of 32 bytes
  std::string secondary_key;
  std::uint64_t etag = 0;  ///< see draw_etag()
  SystemModuleEtags module_etags{};
};
[[nodiscard]] DrawnValues draw_values(Random& random);
/// An etag for the successor of one that has `before`: another one, whatever was drawn.
[[nodiscard]] inline std::uint64_t next_etag(std::uint64_t before, const DrawnValues& drawn) {
  return before == drawn.etag ? drawn.etag + 1 : drawn.etag;
}

// What PUT and POST /devices refuse, in IoT Hub's words.
/// For the name of a device or module that cannot be taken, IoT Hub has no other words (azure-iot-sdk-csharp issue 875).
[[nodiscard]] Error bad_name();
[[nodiscard]] Result<void> check_id(const IdentityId& id);
[[nodiscard]] Error not_found(const IdentityId& id, bool device_exists);
[[nodiscard]] Error already_exists(const IdentityId& id);
[[nodiscard]] Error stale(const iothub::Identity& identity, const IfMatch& if_match);

struct IdentityWrite {
  IdentityId id;
  /// What the identity shall be; null: it stays as it is, the twin alone is written.
  const iothub::IdentityRequest* request = nullptr;
  bool may_create = false;
  bool may_update = false;
  /// An update that says nothing of authentication, or names no keys, leaves them as they are, so that importing a file
  /// twice locks no device out. A PUT generates new ones.
  bool keeps_keys = false;
  /// An edge device that is created keeps the scope it comes with, for its children name it; an update that says nothing
  /// of capabilities or scopes leaves them as they are: to disable an edge device takes nothing from its children.
  bool keeps_scope = false;
  EdgePlace place;  ///< of a device: where `request` would put it
  /// A system module that came with its device and that nobody has written since gives way to the one that is imported.
  bool takes_over_untouched = false;
  IfMatch if_match;
  // Twin data, null: none. See iothub::BulkItem.
  const ServiceBody* twin_patch = nullptr;
  const Result<json::Document>* reported = nullptr;  ///< of an identity that is created
  IfMatch twin_if_match = {};
  Timestamp now;
  DrawnValues drawn;
};

/// What one write leads to. The decision may run twice: it is filled anew each time.
struct IdentityOutcome {
  std::shared_ptr<const iothub::Identity> before;  ///< null: there was none
  std::shared_ptr<const iothub::Identity> now;     ///< null: the identity was not written
  DesiredDelta delta;                              ///< of a twin that was there before

  /// To the identity's connections, once the write is durable: the twin's delta first, then the end of those that lost
  /// their login.
  void announce(const IdentityId& id, DeviceLinks& links, storage::Outbox& outbox) const {
    delta.send(id, links, outbox);
    if (before && now) links.identity_changed(*now, outbox);
  }
};

/// Puts an identity that is not there yet, its twin (`first`, or an empty one) and the event of its creation into
/// `change`.
void put_new_identity(storage::EntityChange& change, std::shared_ptr<const iothub::Identity> identity, Timestamp now,
                      std::optional<twin::Twin> first = std::nullopt);

/// The body of the event of a life that begins or ends with an empty twin; "" where the event's reader can tell it.
[[nodiscard]] std::string lifecycle_body(const iothub::Identity& identity);

/// Errors: device_already_exists, module_already_exists_on_device, device_not_found, module_not_found,
/// precondition_failed, invalid_device_scope, argument_invalid; those of twin::apply_service_patch and
/// apply_reported_patch. Pure.
[[nodiscard]] Result<storage::EntityChange> decide(const IdentityWrite& write, const storage::Entity& current,
                                                   IdentityOutcome& outcome);

}  // namespace twinhub::hub
