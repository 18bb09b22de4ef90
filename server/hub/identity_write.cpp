#include "server/hub/identity_write.hpp"

#include "protocol/json/document.hpp"
#include "protocol/twin/patch.hpp"
#include "server/hub/change_events.hpp"

#include <optional>
#include <utility>

namespace twinhub::hub {
namespace {

constexpr std::size_t key_bytes = 32;

std::string scope_prefix(const IdentityId& id) { return "ms-azure-iot-edge://" + id.device + "-"; }

/// An edge device's scope is the hub's to give, once; a leaf names its parent's.
std::string scope_of(const IdentityWrite& write, const iothub::Identity& made, const iothub::Identity* before) {
  if (!made.iot_edge || write.id.is_module()) return made.device_scope;
  if (before != nullptr && before->iot_edge && !before->device_scope.empty()) return before->device_scope;
  const std::string prefix = scope_prefix(write.id);
  if (write.keeps_scope && made.device_scope.starts_with(prefix)) return made.device_scope;
  return prefix + made.generation_id;
}

/// False: the request has its own.
bool keep_authentication(const iothub::IdentityRequest& request, const iothub::Identity& before,
                         iothub::Identity& identity) {
  const bool both_sas = before.authentication == iothub::AuthenticationType::sas && request.generate_keys;
  if (!request.no_authentication && !both_sas) return false;
  identity.authentication = before.authentication;
  identity.primary_key = before.primary_key;
  identity.secondary_key = before.secondary_key;
  identity.primary_thumbprint = before.primary_thumbprint;
  identity.secondary_thumbprint = before.secondary_thumbprint;
  return true;
}

/// The identity that a write makes of `before` (null: creates).
iothub::Identity make_identity(const IdentityWrite& write, const iothub::Identity* before) {
  iothub::Identity identity = write.request->wanted;
  identity.id = write.id;
  const bool kept = write.keeps_keys && before != nullptr && keep_authentication(*write.request, *before, identity);
  if (!kept && write.request->generate_keys) {
    identity.primary_key = write.chance.primary_key;
    identity.secondary_key = write.chance.secondary_key;
  }
  identity.etag = before != nullptr ? next_etag(before->etag, write.chance) : write.chance.etag;
  identity.generation_id = before != nullptr ? before->generation_id : std::to_string(write.now.ticks);
  if (before != nullptr)
    identity.status_updated = before->status == identity.status ? before->status_updated : write.now;
  identity.device_scope = scope_of(write, identity, before);
  return identity;
}

Error stale_twin(const twin::Twin& twin, const IfMatch& if_match) {
  return fail(Errc::precondition_failed, "Precondition failed: Twin etag did not match, existing:" +
                                             twin_etag(twin.etag_counter) + " given:" + if_match.etag);
}

/// Puts the write's twin data into `change`, over `twin`; the events tell of it.
Result<void> write_twin(const IdentityWrite& write, const twin::Twin& twin, bool is_new, storage::EntityChange& change,
                        IdentityOutcome& outcome) {
  if (write.twin_patch.empty() && (write.reported.empty() || !is_new)) {
    if (is_new) change.twin = std::make_shared<const twin::Twin>(twin);
    return {};
  }
  auto update = twin::apply_service_patch(twin, write.twin_patch.empty() ? "{}" : write.twin_patch, write.now);
  if (!update) return update.error();
  if (update->changed) {
    const auto document = json::parse(write.twin_patch);
    change.events.push_back(
        twin_patched_event(write.id, update->after, document->root().find("tags"), update->desired_delta, write.now));
    outcome.desired_version = update->after.desired.version;
    if (update->desired_delta && !is_new)
      outcome.desired_delta = std::make_shared<const std::string>(std::move(*update->desired_delta));
  }
  if (is_new && write.reported.size() > 2) {
    auto reported = twin::apply_reported_patch(update->after, write.reported, std::nullopt, write.now);
    if (!reported) return reported.error();
    update->after = std::move(*reported);
    update->changed = true;
  }
  if (update->changed || is_new) change.twin = std::make_shared<const twin::Twin>(std::move(update->after));
  return {};
}

}  // namespace

Chance draw(Random& random) {
  Chance chance;
  chance.primary_key = base64_encode(random.bytes(key_bytes));
  chance.secondary_key = base64_encode(random.bytes(key_bytes));
  for (const char c : random.bytes(4)) chance.etag = chance.etag << 8 | static_cast<unsigned char>(c);
  chance.etag = 100'000'000 + chance.etag % 900'000'000;
  return chance;
}

Result<void> check_id(const IdentityId& id) {
  if (!is_valid_id(id.device)) return fail(Errc::argument_invalid, "The device id is missing or not valid");
  if (!id.is_module()) return {};
  if (!is_valid_id(id.module)) return fail(Errc::argument_invalid, "The module id is not valid");
  return {};
}

Error not_found(const IdentityId& id, bool device_exists) {
  if (id.is_module() && device_exists) return fail(Errc::module_not_found, id.device + "/" + id.module);
  return fail(Errc::device_not_found, id.device);
}

Error already_exists(const IdentityId& id) {
  if (id.is_module()) {
    return fail(Errc::module_already_exists_on_device,
                "Device " + id.device + " already contains Module " + id.module + ".");
  }
  return fail(Errc::device_already_exists, "A device with ID '" + id.device + "' is already registered.");
}

Error stale(const iothub::Identity& identity, const IfMatch& if_match) {
  return fail(Errc::precondition_failed,
              "Precondition failed: Device version did not match, existingVersion:" + std::to_string(identity.etag) +
                  " newVersion:" + base64_decode(if_match.etag).value_or(if_match.etag));
}

Result<storage::EntityChange> decide(const IdentityWrite& write, const storage::Entity& current,
                                     IdentityOutcome& outcome) {
  outcome = {};
  if (current.identity && !write.may_update) return already_exists(write.id);
  // A twin that is missing is a missing device, also of a module.
  if (!current.identity && !write.may_create) return not_found(write.id, write.request != nullptr);
  if (current.identity && !write.if_match.allows(identity_etag(current.identity->etag)))
    return stale(*current.identity, write.if_match);
  if (current.twin && !write.twin_if_match.allows(twin_etag(current.twin->etag_counter)))
    return stale_twin(*current.twin, write.twin_if_match);

  storage::EntityChange change;
  if (write.request != nullptr) {
    change.identity = std::make_shared<const iothub::Identity>(make_identity(write, current.identity.get()));
    outcome.before = current.identity;
    outcome.now = change.identity;
  }
  const bool is_new = !current.identity;
  if (is_new) change.events.push_back(storage::identity_created_event(write.id, write.now));
  const auto written = write_twin(write, is_new ? twin::make_twin(write.now) : *current.twin, is_new, change, outcome);
  if (!written) return written.error();
  return change;
}

}  // namespace twinhub::hub
