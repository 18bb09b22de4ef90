#include "server/hub/twins/twins.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "protocol/twin/digital_twin.hpp"
#include "server/base/answer.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace twinhub::hub {
namespace {

/// A DTMI is at most this long (Digital Twins Definition Language, "Digital Twin Model Identifier").
constexpr std::size_t model_id_bytes_max = 2048;

/// IoT Hub calls a missing module's twin DeviceNotFound too.
Error not_found(const IdentityId& id) {
  return fail(Errc::device_not_found, id.is_module() ? id.device + "/" + id.module : id.device);
}

/// What one service-side write leads to; filled anew on each run of its decision.
struct ServiceWrite {
  Result<Twins::Answer> answer{unavailable()};
  DesiredDelta delta;
};

std::size_t bytes_of(const twin::Twin& twin) {
  return twin.tags.size() + twin.desired.text.size() + twin.reported.text.size() +
         sizeof(twin::Stamp) * (twin.desired.stamps.size() + twin.reported.stamps.size());
}

/// What one reported patch leads to.
struct ReportedWrite {
  Result<std::uint64_t> version{unavailable()};
};

}  // namespace

Twins::Twins(storage::Store& store, const Clock& clock, Presence& presence, const Activities& activities,
             DeviceLinks& links)
    : store_(store), clock_(clock), presence_(presence), activities_(activities), links_(links) {}

void Twins::get(const IdentityId& id, Dialect dialect, Done<Answer> done) {
  const auto read = store_.read(id);
  if (!read) return answer_now<Answer>(unavailable(), done);
  const auto& [identity, twin] = read->entity;
  Result<Answer> answer{not_found(id)};
  if (twin) {
    answer = Answer{twin::service_view(*twin, *identity, activities_.of(id), dialect.show_model_id),
                    twin_etag(twin->etag_counter)};
  }
  answer_after<Answer>(store_, read->told_after, std::move(answer), std::move(done));
}

void Twins::patch(const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect,
                  Done<Answer> done) {
  write(Method::patch, id, body, if_match, dialect, std::move(done));
}

void Twins::replace(const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect,
                    Done<Answer> done) {
  write(Method::replace, id, body, if_match, dialect, std::move(done));
}

void Twins::get_digital(const std::string& device, Done<Answer> done) {
  const auto read = store_.read({device, ""});
  if (!read) return answer_now<Answer>(unavailable(), done);
  const auto& twin = read->entity.twin;
  Result<Answer> answer{not_found({device, ""})};
  if (twin) answer = Answer{twin::digital_twin_view(*twin, device), twin_etag(twin->etag_counter)};
  answer_after<Answer>(store_, read->told_after, std::move(answer), std::move(done));
}

void Twins::patch_digital(const std::string& device, std::string_view body, const IfMatch& if_match,
                          Done<Answer> done) {
  write(Method::patch_digital, {device, ""}, body, if_match, {}, std::move(done));
}

void Twins::write(Method method, const IdentityId& id, std::string_view text, const IfMatch& if_match, Dialect dialect,
                  Done<Answer> done) {
  const TwinWrite write{id, TwinAuthor::back_end, clock_.now()};
  const ServiceBody body(text);
  const iothub::Activity activity = activities_.of(id);
  const twin::PatchRules rules{.arrays_allowed = dialect.arrays_allowed};
  const auto outcome = std::make_shared<ServiceWrite>();

  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    *outcome = {};
    const auto refuse = [&](Error error) {
      outcome->answer = error;
      return error;
    };
    if (!current.twin) return refuse(not_found(id));
    if (iothub::is_system_module(id)) return refuse(reserved(id));
    const twin::Twin& before = *current.twin;
    if (const auto checked = check_etag(before, if_match); !checked) return refuse(checked.error());
    auto update = method == Method::patch     ? twin::apply_service_patch(before, body.json(), write.at, rules)
                  : method == Method::replace ? twin::apply_service_replace(before, body.json(), write.at, rules)
                                              : twin::apply_digital_twin_patch(before, body.json(), write.at);
    if (!update) return refuse(update.error());
    // The view is made here, not on the one commit thread; with `changed` false it is the current twin's.
    outcome->answer = Answer{twin::service_view(update->after, *current.identity, activity, dialect.show_model_id),
                             twin_etag(update->after.etag_counter)};
    storage::EntityChange change;
    if (!update->changed) return change;
    outcome->delta = method == Method::replace ? put_replaced(change, write, before, std::move(*update))
                                               : put_patched(change, write, before, std::move(*update), body.tags());
    return change;
  };
  store_.update(id, decide,
                [this, id, outcome, done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
                  if (!durable) return done(unavailable(), outbox);
                  // The delta is on its way before the back end gets its answer.
                  outcome->delta.send(id, links_, outbox);
                  done(std::move(outcome->answer), outbox);
                });
}

void Twins::patch_with_record(const IdentityId& id, const ServiceBody& body, const PatchRecord& record_of,
                              Done<void> done) {
  const TwinWrite write{id, TwinAuthor::job, clock_.now()};
  const auto delta = std::make_shared<DesiredDelta>();

  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    *delta = {};
    Result<twin::ServiceUpdate> update{not_found(id)};
    if (current.twin && iothub::is_system_module(id)) {
      update = reserved(id);
    } else if (current.twin) {
      update = twin::apply_service_patch(*current.twin, body.json(), write.at);
    }
    const Result<void> patched = update ? Result<void>() : Result<void>(update.error());
    storage::EntityChange change;
    auto record = record_of(patched, update ? bytes_of(update->after) : 0);
    if (!record) return change;
    change.records.push_back(std::move(*record));
    if (update && update->changed) *delta = put_patched(change, write, *current.twin, std::move(*update), body.tags());
    return change;
  };
  store_.update(id, decide,
                [this, id, delta, done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
                  if (!durable) return done(unavailable(), outbox);
                  delta->send(id, links_, outbox);
                  done({}, outbox);
                });
}

void Twins::get_device_view(const IdentityId& id, Done<std::string> done) {
  presence_.active(id);
  const auto read = store_.read(id);
  if (!read) return answer_now<std::string>(unavailable(), done);
  Result<std::string> view{not_found(id)};
  if (read->entity.twin) view = twin::device_view(*read->entity.twin);
  answer_after<std::string>(store_, read->told_after, std::move(view), std::move(done));
}

void Twins::patch_reported(const IdentityId& id, std::string_view body, std::optional<std::uint64_t> expected_version,
                           Done<std::uint64_t> done) {
  presence_.active(id);
  const TwinWrite write{id, TwinAuthor::device, clock_.now()};
  // It does not depend on the twin: outside the lock. Some devices' C strings come with their NUL.
  const auto document = json::parse(json::without_trailing_nuls(body));
  const auto outcome = std::make_shared<ReportedWrite>();

  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    const auto refuse = [&](Error error) {
      outcome->version = error;
      return error;
    };
    if (!current.twin) return refuse(not_found(id));
    auto after = twin::apply_reported_patch(*current.twin, document, expected_version, write.at);
    if (!after) return refuse(after.error());
    outcome->version = after->reported.version;
    storage::EntityChange change;
    put_reported(change, write, *current.twin, std::move(*after), document->text());
    return change;
  };
  store_.update(id, decide, [outcome, done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
    if (!durable) return done(unavailable(), outbox);
    done(std::move(outcome->version), outbox);
  });
}

bool is_model_id(std::string_view text) {
  return !text.empty() && text.size() <= model_id_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

void Twins::announce_model(const IdentityId& id, std::string_view model_id) {
  if (!is_model_id(model_id)) return;
  const TwinWrite write{id, TwinAuthor::device, clock_.now()};
  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    storage::EntityChange change;
    if (!current.twin || current.twin->model_id == model_id) return change;
    twin::Twin after = *current.twin;
    after.model_id = model_id;
    put_without_event(change, write, *current.twin, std::move(after));
    return change;
  };
  store_.update(id, decide, {});
}

}  // namespace twinhub::hub
