#include "server/hub/registry.hpp"

#include "server/hub/activity.hpp"
#include "server/hub/answer.hpp"
#include "server/hub/identity_write.hpp"
#include "server/hub/module_rules.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace twinhub::hub {
namespace {

constexpr std::size_t list_max = 1000;

using ModuleIds = std::vector<IdentityId>;

Registry::Answer answer_of(const iothub::Identity& identity, const iothub::Activity& activity) {
  Registry::Answer answer;
  iothub::append_identity(answer.json, identity, activity);
  answer.etag = identity_etag(identity.etag);
  return answer;
}

/// What one PUT leads to; filled anew on each run of its decision.
struct PutOutcome {
  Result<Registry::Answer> answer{unavailable()};
  IdentityOutcome identity;
};

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
    if (const auto room = check_room_for_module(store_, id); !room) return answer_now<Answer>(room.error(), done);
  }
  write(id, *request, if_match, device->entity.identity.get(), std::move(done));
}

void Registry::write(const IdentityId& id, const iothub::IdentityRequest& request, const IfMatch& if_match,
                     const iothub::Identity* device, Done<Answer> done) {
  IdentityWrite wanted;
  wanted.id = id;
  wanted.request = &request;
  wanted.may_create = !if_match.present;
  wanted.may_update = if_match.present;
  wanted.if_match = if_match;
  wanted.now = clock_.now();
  wanted.chance = draw(random_);
  const iothub::Activity activity = activity_of(presence_, messages_, id);
  const auto outcome = std::make_shared<PutOutcome>();

  const auto decision = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    auto change = decide(wanted, current, outcome->identity);
    if (change) {
      outcome->answer = answer_of(*change->identity, activity);
    } else {
      outcome->answer = change.error();
    }
    return change;
  };
  const auto result = store_.update(
      id, decision, [this, outcome, done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
        if (!durable) return done(unavailable(), outbox);
        const auto& [before, now, delta, version] = outcome->identity;
        if (before && now) links_.identity_changed(*before, *now, outbox);
        done(outcome->answer, outbox);
      });
  if (device != nullptr && result.decided && outcome->identity.now)
    erase_if_orphan(store_, *outcome->identity.now, *device, wanted.now);
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
  auto modules = id.is_module() ? Result<ModuleIds>{ModuleIds{}} : modules_of(store_, id.device);
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
    for (const IdentityId& module : *modules) change.events.push_back(storage::identity_deleted_event(module, now));
    change.events.push_back(storage::identity_deleted_event(id, now));
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
