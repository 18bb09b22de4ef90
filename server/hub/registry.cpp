#include "server/hub/registry.hpp"

#include "server/hub/activity.hpp"
#include "server/hub/answer.hpp"
#include "server/hub/change_events.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace twinhub::hub {
namespace {

constexpr std::size_t modules_max = 50;  // azure-docs iot-hub-devguide-identity-registry, "modules"
constexpr std::size_t list_max = 1000;
constexpr std::size_t key_bytes = 32;

using ModuleIds = std::vector<IdentityId>;

IdentityId device_of(const IdentityId& id) { return {id.device, ""}; }

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

/// What chance gives to a write. Drawn before its decision, which may run twice and must decide the same.
struct Chance {
  std::string primary_key;
  std::string secondary_key;
  std::uint64_t etag = 0;  ///< nine digits, as IoT Hub's look
};

Chance draw(Random& random) {
  Chance chance;
  chance.primary_key = base64_encode(random.bytes(key_bytes));
  chance.secondary_key = base64_encode(random.bytes(key_bytes));
  for (const char c : random.bytes(4)) chance.etag = chance.etag << 8 | static_cast<unsigned char>(c);
  chance.etag = 100'000'000 + chance.etag % 900'000'000;
  return chance;
}

/// The identity that a PUT makes of `before` (null: creates).
iothub::Identity make_identity(const IdentityId& id, const iothub::IdentityRequest& request,
                               const iothub::Identity* before, const Chance& chance, Timestamp now) {
  iothub::Identity identity = request.wanted;
  identity.id = id;
  if (request.generate_keys) {
    identity.primary_key = chance.primary_key;
    identity.secondary_key = chance.secondary_key;
  }
  identity.etag = before != nullptr && before->etag == chance.etag ? chance.etag + 1 : chance.etag;
  identity.generation_id = before != nullptr ? before->generation_id : std::to_string(now.ticks);
  if (before != nullptr) identity.status_updated = before->status == identity.status ? before->status_updated : now;
  // An edge device's scope is the hub's to give, once; a leaf names its parent's.
  if (identity.iot_edge && !id.is_module()) {
    const bool has_scope = before != nullptr && before->iot_edge && !before->device_scope.empty();
    identity.device_scope =
        has_scope ? before->device_scope : "ms-azure-iot-edge://" + id.device + "-" + identity.generation_id;
  }
  return identity;
}

Registry::Answer answer_of(const iothub::Identity& identity, const iothub::Activity& activity) {
  Registry::Answer answer;
  iothub::append_identity(answer.json, identity, activity);
  answer.etag = identity_etag(identity.etag);
  return answer;
}

/// The durable modules of a device, at most `limit`.
Result<ModuleIds> modules_of(const storage::Store& store, const std::string& device, std::size_t limit) {
  ModuleIds modules;
  const IdentityId after{device, ""};
  const auto scanned = store.scan(&after, [&](const storage::Entity& entity) {
    if (entity.identity->id.device != device) return false;
    modules.push_back(entity.identity->id);
    return modules.size() < limit;
  });
  if (!scanned) return scanned.error();
  return modules;
}

/// What one PUT leads to; filled anew on each run of its decision.
struct PutOutcome {
  Result<Registry::Answer> answer{unavailable()};
  std::shared_ptr<const iothub::Identity> before;
  std::shared_ptr<const iothub::Identity> now;
};

/// A device may have been deleted between the look at it and the creation of its module: such a module goes as well.
void erase_if_orphan(storage::Store& store, const IdentityId& module, const iothub::Identity& device,
                     const PutOutcome& outcome, Timestamp now) {
  const auto read = store.read(device_of(module));
  if (!read || (read->entity.identity && read->entity.identity->generation_id == device.generation_id)) return;
  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    storage::EntityChange change;
    if (!current.identity || current.identity->generation_id != outcome.now->generation_id) return change;
    change.erase = true;
    change.events.push_back(identity_deleted_event(module, now));
    return change;
  };
  store.update(module, decide, {});
}

}  // namespace

Registry::Registry(storage::Store& store, const Clock& clock, Random& random, Presence& presence, DeviceLinks& links,
                   CloudToDevice& messages)
    : store_(store), clock_(clock), random_(random), presence_(presence), links_(links), messages_(messages) {}

void Registry::put(const IdentityId& id, std::string_view body, const IfMatch& if_match, Done<Answer> done) {
  if (const auto checked = check_id(id); !checked) return answer_now<Answer>(checked.error(), done);
  if (id.is_module() && id.module.front() == '$') {
    return answer_now<Answer>(fail(Errc::argument_invalid, "Module ids that start with $ are the hub's own"), done);
  }
  const auto request = iothub::parse_identity_request(id, body);
  if (!request) return answer_now<Answer>(request.error(), done);
  if (!id.is_module()) return write(id, *request, if_match, nullptr, std::move(done));

  const auto device = store_.read(device_of(id));
  if (!device) return answer_now<Answer>(unavailable(), done);
  if (!device->entity.identity) {
    return answer_after<Answer>(store_, device->told_after, not_found(id, false), std::move(done));
  }
  if (!if_match.present) {
    // Counts durable modules: a burst of creations at once may pass the limit by its own length.
    const auto modules = modules_of(store_, id.device, modules_max);
    if (!modules) return answer_now<Answer>(unavailable(), done);
    const bool is_new = std::find(modules->begin(), modules->end(), id) == modules->end();
    if (is_new && modules->size() >= modules_max) {
      return answer_now<Answer>(
          fail(Errc::too_many_modules_on_device, "Device " + id.device + " has 50 modules already"), done);
    }
  }
  write(id, *request, if_match, device->entity.identity.get(), std::move(done));
}

void Registry::write(const IdentityId& id, const iothub::IdentityRequest& request, const IfMatch& if_match,
                     const iothub::Identity* device, Done<Answer> done) {
  const Timestamp now = clock_.now();
  const Chance chance = draw(random_);
  const iothub::Activity activity = activity_of(presence_, messages_, id);
  const auto outcome = std::make_shared<PutOutcome>();

  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    *outcome = {};
    const auto refuse = [&](Error error) {
      outcome->answer = error;
      return error;
    };
    if (current.identity && !if_match.present) return refuse(already_exists(id));
    if (!current.identity && if_match.present) return refuse(not_found(id, true));
    if (current.identity && !if_match.allows(identity_etag(current.identity->etag)))
      return refuse(stale(*current.identity, if_match));

    storage::EntityChange change;
    change.identity =
        std::make_shared<const iothub::Identity>(make_identity(id, request, current.identity.get(), chance, now));
    if (!current.identity) {
      change.twin = std::make_shared<const twin::Twin>(twin::make_twin(now));
      change.events.push_back(identity_created_event(id, now));
    }
    outcome->answer = answer_of(*change.identity, activity);
    outcome->before = current.identity;
    outcome->now = change.identity;
    return change;
  };
  const auto result = store_.update(
      id, decide, [this, outcome, done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
        if (!durable) return done(unavailable(), outbox);
        if (outcome->before && outcome->now) links_.identity_changed(*outcome->before, *outcome->now, outbox);
        done(outcome->answer, outbox);
      });
  if (device != nullptr && result.decided) erase_if_orphan(store_, id, *device, *outcome, now);
}

void Registry::get(const IdentityId& id, Done<Answer> done) {
  if (const auto checked = check_id(id); !checked) return answer_now<Answer>(checked.error(), done);
  const auto read = store_.read(id);
  if (!read) return answer_now<Answer>(unavailable(), done);
  if (read->entity.identity) {
    return answer_after<Answer>(store_, read->told_after,
                                answer_of(*read->entity.identity, activity_of(presence_, messages_, id)),
                                std::move(done));
  }
  const auto device = store_.read(device_of(id));
  if (!device) return answer_now<Answer>(unavailable(), done);
  const Error error = not_found(id, device->entity.identity != nullptr);
  answer_after<Answer>(store_, std::max(read->told_after, device->told_after), error, std::move(done));
}

void Registry::remove(const IdentityId& id, const IfMatch& if_match, Done<void> done) {
  if (const auto checked = check_id(id); !checked) return answer_now<void>(checked.error(), done);
  if (!if_match.present) return answer_now<void>(fail(Errc::precondition_failed, "Etag missing"), done);

  const auto device = store_.read(device_of(id));
  if (!device) return answer_now<void>(unavailable(), done);
  const bool device_exists = device->entity.identity != nullptr;
  auto modules = id.is_module() ? Result<ModuleIds>{ModuleIds{}} : modules_of(store_, id.device, modules_max);
  if (!modules) return answer_now<void>(unavailable(), done);

  const Timestamp now = clock_.now();
  const auto refusal = std::make_shared<std::optional<Error>>();
  const auto generation_id = std::make_shared<std::string>();
  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    refusal->reset();
    if (!current.identity) {
      refusal->emplace(not_found(id, device_exists));
    } else if (!if_match.allows(identity_etag(current.identity->etag))) {
      refusal->emplace(stale(*current.identity, if_match));
    }
    if (refusal->has_value()) return **refusal;
    *generation_id = current.identity->generation_id;
    storage::EntityChange change;
    change.erase = true;
    // A back end that watches modules hears of each (inferred).
    for (const IdentityId& module : *modules) change.events.push_back(identity_deleted_event(module, now));
    change.events.push_back(identity_deleted_event(id, now));
    return change;
  };
  store_.update(id, decide,
                [this, id, refusal, generation_id, gone = *modules, done = std::move(done)](const Result<void>& durable,
                                                                                            storage::Outbox& outbox) {
                  if (!durable) return done(unavailable(), outbox);
                  if (refusal->has_value()) return done(**refusal, outbox);
                  presence_.forget(id);
                  for (const IdentityId& module : gone) presence_.forget(module);
                  if (!id.is_module()) messages_.forget(id.device, *generation_id);
                  links_.identity_deleted(id, outbox);
                  done({}, outbox);
                });
}

Result<std::string> Registry::list(std::size_t top) const {
  if (top < 1 || top > list_max) top = list_max;
  std::string out = "[";
  std::size_t count = 0;
  const auto scanned = store_.scan(nullptr, [&](const storage::Entity& entity) {
    if (entity.identity->id.is_module()) return true;
    if (count > 0) out += ',';
    iothub::append_identity(out, *entity.identity, activity_of(presence_, messages_, entity.identity->id));
    return ++count < top;
  });
  if (!scanned) return unavailable();
  return out + "]";
}

Result<std::string> Registry::list_modules(const std::string& device) const {
  const IdentityId owner{device, ""};
  const auto read = store_.read(owner);
  if (!read) return unavailable();
  if (!read->entity.identity) return not_found(owner, false);
  std::string out = "[";
  const auto scanned = store_.scan(&owner, [&](const storage::Entity& entity) {
    const IdentityId& id = entity.identity->id;
    if (id.device != device) return false;
    if (out.size() > 1) out += ',';
    iothub::append_identity(out, *entity.identity, activity_of(presence_, messages_, id));
    return true;
  });
  if (!scanned) return unavailable();
  return out + "]";
}

}  // namespace twinhub::hub
