// How one identity is created or replaced, alone (PUT) or as one of many (POST /devices): the decision, as a function
// of what is there.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "server/hub/clock.hpp"
#include "storage/store.hpp"

#include <memory>
#include <string>

namespace twinhub::hub {

/// What chance gives to a write. Drawn before its decision, which may run twice and must decide the same.
struct Chance {
  std::string primary_key;  ///< base64 of 32 bytes
  std::string secondary_key;
  std::uint64_t etag = 0;  ///< nine digits, as IoT Hub's look
};
[[nodiscard]] Chance draw(Random& random);
/// An etag for the successor of one that has `before`: another one, whatever chance gave.
[[nodiscard]] inline std::uint64_t next_etag(std::uint64_t before, const Chance& chance) {
  return before == chance.etag ? chance.etag + 1 : chance.etag;
}

// What both refuse, in IoT Hub's words.
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
  /// An update that says nothing of authentication, or names no keys, leaves them as they are: who imports a file twice
  /// locks nobody out. A PUT generates new ones.
  bool keeps_keys = false;
  bool keeps_scope = false;  ///< an edge device that is created keeps the scope it comes with: its children name it
  IfMatch if_match;
  // Twin data: "" = none. See iothub::BulkItem.
  std::string_view twin_patch = {};
  std::string_view reported = {};
  IfMatch twin_if_match = {};
  Timestamp now;
  Chance chance;
};

/// What one write leads to. The decision may run twice: it is filled anew each time.
struct IdentityOutcome {
  std::shared_ptr<const iothub::Identity> before;
  std::shared_ptr<const iothub::Identity> now;       ///< null: the identity was not written
  std::shared_ptr<const std::string> desired_delta;  ///< of a twin that was there before; null: desired is untouched
  std::uint64_t desired_version = 0;
};

/// Errors: device_already_exists, module_already_exists_on_device, device_not_found, module_not_found,
/// precondition_failed; those of twin::apply_service_patch and apply_reported_patch. Pure.
[[nodiscard]] Result<storage::EntityChange> decide(const IdentityWrite& write, const storage::Entity& current,
                                                   IdentityOutcome& outcome);

}  // namespace twinhub::hub
