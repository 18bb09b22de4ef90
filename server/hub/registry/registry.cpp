#include "server/hub/registry/registry.hpp"

#include "server/base/answer.hpp"
#include "server/hub/registry/identity_write.hpp"
#include "server/hub/registry/module_rules.hpp"

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

Registry::Registry(storage::Store& store, const Clock& clock, Random& random, const Activities& activities,
                   DeviceLinks& links)
    : store_(store), clock_(clock), random_(random), activities_(activities), links_(links), tree_(store) {}

void Registry::put(const IdentityId& id, std::string_view body, const IfMatch& if_match, Done<Answer> done,
                   RegistryAuthor author) {
  if (const auto checked = check_id(id); !checked) return answer_now<Answer>(checked.error(), done);
  const bool is_runtimes = author == RegistryAuthor::own_device && iothub::is_system_module(id);
  if (id.is_module() && id.module.front() == '$' && !is_runtimes) {
    return answer_now<Answer>(bad_name(), done);  // they are the hub's own
  }
  const auto request = iothub::parse_identity_request(id, body);
  if (!request) return answer_now<Answer>(request.error(), done);
  if (!id.is_module()) {
    return tree_.in_turn(*request, [&] {
      auto place = tree_.place_of(id, *request);
      if (!place) return answer_now<Answer>(unavailable(), done);
      write(id, *request, if_match, nullptr, std::move(*place), std::move(done));
    });
  }

  const auto device = store_.read(device_of(id));
  if (!device) return answer_now<Answer>(unavailable(), done);
  if (!device->entity.identity) {
    return answer_after<Answer>(store_, device->told_after, not_found(id, false), std::move(done));
  }
  if (is_runtimes && !device->entity.identity->iot_edge) return answer_now<Answer>(bad_name(), done);
  if (!if_match.wants_existing()) {
    if (const auto room = check_room_for_modules(store_, id.device, {id}); !room)
      return answer_now<Answer>(room.error(), done);
  }
  write(id, *request, if_match, device->entity.identity.get(), {}, std::move(done));
}

void Registry::write(const IdentityId& id, const iothub::IdentityRequest& request, const IfMatch& if_match,
                     const iothub::Identity* device, EdgePlace place, Done<Answer> done) {
  IdentityWrite wanted;
  wanted.id = id;
  wanted.request = &request;
  wanted.may_create = !if_match.wants_existing();
  wanted.may_update = if_match.wants_existing();
  wanted.place = std::move(place);
  wanted.if_match = if_match;
  wanted.now = clock_.now();
  wanted.drawn = draw_values(random_);
  const iothub::Activity activity = activities_.of(id);
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
  const auto settle = [this, id, outcome, done = std::move(done)](const Result<void>& durable,
                                                                  storage::Outbox& outbox) {
    if (!durable) return done(unavailable(), outbox);
    if (outcome->answer) outcome->identity.announce(id, links_, outbox);
    done(outcome->answer, outbox);
  };
  const auto result = store_.update(id, decision, settle);
  const bool wrote = result.decided && outcome->identity.now;
  if (device != nullptr && wrote) erase_if_orphan(store_, *outcome->identity.now, *device, wanted.now);
}

void Registry::get(const IdentityId& id, Done<Answer> done) {
  if (const auto checked = check_id(id); !checked) return answer_now<Answer>(checked.error(), done);
  const auto read = store_.read(id);
  if (!read) return answer_now<Answer>(unavailable(), done);
  if (read->entity.identity) {
    return answer_after<Answer>(store_, read->told_after, answer_of(*read->entity.identity, activities_.of(id)),
                                std::move(done));
  }
  const auto device = store_.read(device_of(id));
  if (!device) return answer_now<Answer>(unavailable(), done);
  const Error error = not_found(id, device->entity.identity != nullptr);
  answer_after<Answer>(store_, std::max(read->told_after, device->told_after), error, std::move(done));
}

void Registry::remove(const IdentityId& id, const IfMatch& if_match, Done<void> done, RegistryAuthor author) {
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
    } else if (author == RegistryAuthor::back_end && iothub::is_system_module(id)) {
      refusal->emplace(reserved(id));
    } else if (!if_match.allows(identity_etag(current.identity->etag))) {
      refusal->emplace(stale(*current.identity, if_match));
    }
    if (refusal->has_value()) return **refusal;
    *generation_id = current.identity->generation_id;
    storage::EntityChange change;
    change.erase = true;
    put_place(change, current.identity.get(), nullptr);
    // A back end that watches modules hears of each (inferred).
    for (const IdentityId& module : *modules) change.events.push_back(storage::identity_deleted_event(module, now));
    change.events.push_back(storage::identity_deleted_event(id, now, lifecycle_body(*current.identity)));
    return change;
  };
  store_.update(id, decide,
                [this, id, refusal, generation_id, gone = *modules, done = std::move(done)](const Result<void>& durable,
                                                                                            storage::Outbox& outbox) {
                  if (!durable) return done(unavailable(), outbox);
                  if (refusal->has_value()) return done(**refusal, outbox);
                  activities_.forget(id, *generation_id, gone);
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
    iothub::append_identity(out, *entity.identity, activities_.of(entity.identity->id));
    return ++count < top;
  });
  if (!scanned) return unavailable();
  return out + "]";
}

Result<std::string> Registry::list_modules(const std::string& device) const {
  const IdentityId owner{device, ""};
  if (const auto checked = check_id(owner); !checked) return checked.error();
  const auto read = store_.read(owner);
  if (!read) return unavailable();
  if (!read->entity.identity) return not_found(owner, false);
  std::string out = "[";
  const auto scanned = store_.scan(&owner, [&](const storage::Entity& entity) {
    const IdentityId& id = entity.identity->id;
    if (id.device != device) return false;
    if (out.size() > 1) out += ',';
    iothub::append_identity(out, *entity.identity, activities_.of(id));
    return true;
  });
  if (!scanned) return unavailable();
  return out + "]";
}

}  // namespace twinhub::hub
