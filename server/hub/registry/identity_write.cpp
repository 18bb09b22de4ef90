#include "server/hub/registry/identity_write.hpp"

#include "protocol/twin/change_notice.hpp"
#include "protocol/twin/patch.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

namespace twinhub::hub {
namespace {

constexpr std::size_t key_bytes = 32;

std::string scope_prefix(const IdentityId& id) { return "ms-azure-iot-edge://" + id.device + "-"; }

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

/// An edge device's scope is the hub's to give, once.
std::string own_scope(const IdentityWrite& write, const iothub::Identity& made, const iothub::Identity* before) {
  if (before != nullptr && before->iot_edge && !before->device_scope.empty()) return before->device_scope;
  const std::string prefix = scope_prefix(write.id);
  if (write.keeps_scope && made.device_scope.starts_with(prefix)) return made.device_scope;
  return prefix + made.generation_id;
}

/// A leaf's parent is one fact under two names: deviceScope says it, parentScopes repeats it. The latter alone puts a
/// leaf nowhere: SDKs that clear the scope leave it out and send the parentScopes that they have read. An edge device
/// that becomes a leaf has no parent until the next write.
/// Source: mwalser/terraform-provider-iothub, CONCEPT.md ("Parent/child mapping", "Scope rules on update").
std::string scope_of_parent(const iothub::Identity& made, const iothub::Identity* before) {
  return before != nullptr && before->iot_edge ? "" : made.device_scope;
}

/// What a line of a bulk request says nothing of.
void keep_place(const iothub::IdentityRequest& request, const iothub::Identity& before, iothub::Identity& made) {
  if (request.no_capabilities) made.iot_edge = before.iot_edge;
  if (!request.no_scopes) return;
  made.device_scope = before.device_scope;
  made.parent_scopes = before.parent_scopes;
}

void put_scopes(const IdentityWrite& write, const iothub::Identity* before, iothub::Identity& made) {
  if (write.id.is_module()) {
    made.device_scope.clear();
    made.parent_scopes.clear();
  } else if (made.iot_edge) {
    made.device_scope = own_scope(write, made, before);
  } else {
    made.device_scope = scope_of_parent(made, before);
    made.parent_scopes.clear();
    iothub::unite_scopes_of_leaf(made);
  }
}

/// A device is put under an edge device that is there, never under itself, and not too deep; and an edge device keeps
/// its scope. What an identity has already is not looked at again: its parent may be gone.
Result<void> check_scopes(const IdentityWrite& write, const iothub::Identity& made, const iothub::Identity* before) {
  const std::string& named = write.request->wanted.device_scope;
  if (made.iot_edge && before != nullptr && before->iot_edge && !named.empty() && named != made.device_scope)
    return fail(Errc::argument_invalid, "Device scope is immutable for an IoT Edge device");
  for (const std::string& parent : made.parent_scopes) {
    if (before != nullptr && contains(before->parent_scopes, parent)) continue;
    if (contains(write.place.unknown, parent) || (made.iot_edge && parent == made.device_scope))
      return fail(Errc::invalid_device_scope, "There is no other edge device with the scope '" + parent + "'");
    if (made.iot_edge && contains(write.place.above, made.device_scope))
      return fail(Errc::invalid_device_scope, "The edge device would stand under itself, through '" + parent + "'");
    if (made.iot_edge && write.place.too_deep)
      return fail(Errc::invalid_device_scope,
                  "There would be more than 5 layers of edge devices below the topmost one");
  }
  return {};
}

/// False: the request has its own.
bool keep_authentication(const iothub::IdentityRequest& request, const iothub::Identity& before,
                         iothub::Identity& identity) {
  // A module's type "none" is read as sas without keys.
  const bool is_keyless = before.authentication == iothub::AuthenticationType::sas ||
                          before.authentication == iothub::AuthenticationType::none;
  if (!request.no_authentication && !(is_keyless && request.generate_keys)) return false;
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
    identity.primary_key = write.drawn.primary_key;
    identity.secondary_key = write.drawn.secondary_key;
  }
  identity.etag = before != nullptr ? next_etag(before->etag, write.drawn) : write.drawn.etag;
  identity.generation_id = before != nullptr ? before->generation_id : std::to_string(write.now.ticks);
  if (before != nullptr)
    identity.status_updated = before->status == identity.status ? before->status_updated : write.now;
  if (write.keeps_scope && before != nullptr) keep_place(*write.request, *before, identity);
  put_scopes(write, before, identity);
  return identity;
}

bool holds_the_same(const twin::Twin& a, const twin::Twin& b) {
  return a.tags == b.tags && a.desired.text == b.desired.text;
}

/// Puts the write's patch into `change`, over `before`. A system module's twin is not for back ends to change; a file
/// that is imported twice changes nothing.
Result<void> put_twin_patch(const IdentityWrite& write, const twin::Twin& before, storage::EntityChange& change,
                            DesiredDelta& delta) {
  if (write.twin_patch == nullptr) return {};
  const TwinWrite twin_write{write.id, TwinAuthor::back_end, write.now};
  auto update = twin::apply_service_patch(before, write.twin_patch->json(), write.now);
  if (!update) return update.error();
  if (iothub::is_system_module(write.id)) {
    if (!holds_the_same(before, update->after)) return reserved(write.id);
    return {};
  }
  if (update->changed) delta = put_patched(change, twin_write, before, std::move(*update), write.twin_patch->tags());
  return {};
}

/// The twin that an identity is created with; nullopt: an empty one.
Result<std::optional<twin::Twin>> first_twin(const IdentityWrite& write) {
  if (write.twin_patch == nullptr && write.reported == nullptr) return std::optional<twin::Twin>();
  twin::Twin first = twin::make_twin(write.now);
  if (write.twin_patch != nullptr) {
    auto update = twin::apply_service_patch(first, write.twin_patch->json(), write.now);
    if (!update) return update.error();
    first = std::move(update->after);
  }
  if (write.reported != nullptr) {
    auto reported = twin::apply_reported_patch(first, *write.reported, std::nullopt, write.now);
    if (!reported) return reported.error();
    first = std::move(*reported);
  }
  twin::count_as_created(first);
  return std::optional(std::move(first));
}

/// A system module as it came with its device.
bool is_untouched(const storage::Entity& current) {
  return current.identity && current.identity->authentication == iothub::AuthenticationType::none &&
         current.twin->version() == twin::Twin().version() && current.twin->desired.text == "{}";
}

/// The imported identity and twin stand in the place of those that came with the device, as if they had come instead.
Result<storage::EntityChange> take_over(const IdentityWrite& write, const storage::Entity& current,
                                        IdentityOutcome& outcome) {
  auto first = first_twin(write);
  if (!first) return first.error();
  outcome.before = current.identity;
  outcome.now = std::make_shared<const iothub::Identity>(make_identity(write, current.identity.get()));
  storage::EntityChange change;
  change.identity = outcome.now;
  if (*first) put_new_twin(change, {write.id, TwinAuthor::back_end, write.now}, std::move(**first));
  return change;
}

}  // namespace

DrawnValues draw_values(Random& random) {
  DrawnValues drawn;
  drawn.primary_key = base64_encode(random.bytes(key_bytes));
  drawn.secondary_key = base64_encode(random.bytes(key_bytes));
  drawn.etag = draw_etag(random);
  for (std::uint64_t& etag : drawn.module_etags) etag = draw_etag(random);
  return drawn;
}

Error bad_name() { return fail(Errc::argument_invalid, "BadRequest"); }

Result<void> check_id(const IdentityId& id) {
  return is_valid_id(id.device) && (!id.is_module() || is_valid_id(id.module)) ? Result<void>() : bad_name();
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

std::string lifecycle_body(const iothub::Identity& identity) {
  return identity.device_scope.empty() ? "" : twin::lifecycle_notice(identity.id, identity.device_scope);
}

void put_new_identity(storage::EntityChange& change, std::shared_ptr<const iothub::Identity> identity, Timestamp now,
                      std::optional<twin::Twin> first) {
  assert(identity);
  const TwinWrite twin_write{identity->id, TwinAuthor::back_end, now};
  const std::string body =
      first ? twin::lifecycle_notice(identity->id, *first, identity->device_scope) : lifecycle_body(*identity);
  change.events.push_back(storage::identity_created_event(identity->id, now, body));
  put_new_twin(change, twin_write, first ? std::move(*first) : twin::make_twin(now));
  change.identity = std::move(identity);
}

Result<storage::EntityChange> decide(const IdentityWrite& write, const storage::Entity& current,
                                     IdentityOutcome& outcome) {
  outcome = {};
  if (write.takes_over_untouched && is_untouched(current)) return take_over(write, current, outcome);
  if (current.identity && !write.may_update) return already_exists(write.id);
  // A twin that is missing is a missing device, also of a module.
  if (!current.identity && !write.may_create) return not_found(write.id, write.request != nullptr);
  if (current.identity && !write.if_match.allows(identity_etag(current.identity->etag)))
    return stale(*current.identity, write.if_match);
  if (current.twin) {
    if (const auto checked = check_etag(*current.twin, write.twin_if_match); !checked) return checked.error();
  }

  storage::EntityChange change;
  if (write.request != nullptr) {
    outcome.before = current.identity;
    auto made = make_identity(write, current.identity.get());
    if (const auto checked = check_scopes(write, made, current.identity.get()); !checked) return checked.error();
    outcome.now = std::make_shared<const iothub::Identity>(std::move(made));
    if (outcome.now->iot_edge && !write.id.is_module())
      put_system_modules(change, write.id.device, write.drawn.module_etags, write.now);
  }
  if (!current.identity) {
    auto first = first_twin(write);
    if (!first) return first.error();
    put_new_identity(change, outcome.now, write.now, std::move(*first));
    put_place(change, nullptr, outcome.now.get());
    return change;
  }
  change.identity = outcome.now;
  if (outcome.now) put_place(change, outcome.before.get(), outcome.now.get());
  if (const auto put = put_twin_patch(write, *current.twin, change, outcome.delta); !put) return put.error();
  return change;
}

}  // namespace twinhub::hub
