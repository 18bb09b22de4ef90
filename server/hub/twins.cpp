#include "server/hub/twins.hpp"

#include "protocol/json/document.hpp"
#include "protocol/twin/digital_twin.hpp"
#include "server/hub/activity.hpp"
#include "server/hub/answer.hpp"
#include "server/hub/change_events.hpp"

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

Error stale(const twin::Twin& twin, const IfMatch& if_match) {
  return fail(Errc::precondition_failed, "Precondition failed: Twin etag did not match, existing:" +
                                             twin_etag(twin.etag_counter) + " given:" + if_match.etag);
}

/// What the device is told of a service-side write.
struct Announcement {
  std::shared_ptr<const std::string> delta;  ///< null: desired was not touched
  std::uint64_t desired_version = 0;

  void tell(DeviceLinks& links, const IdentityId& id, storage::Outbox& outbox) const {
    if (delta) links.desired_changed(id, desired_version, delta, outbox);
  }
};

/// What one service-side write leads to; filled anew on each run of its decision.
struct ServiceWrite {
  Result<Twins::Answer> answer{unavailable()};
  Announcement announcement;
};

/// Puts a twin's change and its event into `change`.
Announcement put_update(storage::EntityChange& change, twin::ServiceUpdate&& update, storage::EncodedEvent event) {
  Announcement announcement;
  change.events.push_back(std::move(event));
  announcement.desired_version = update.after.desired.version;
  if (update.desired_delta) announcement.delta = std::make_shared<const std::string>(std::move(*update.desired_delta));
  change.twin = std::make_shared<const twin::Twin>(std::move(update.after));
  return announcement;
}

std::size_t bytes_of(const twin::Twin& twin) {
  return twin.tags.size() + twin.desired.text.size() + twin.reported.text.size() +
         sizeof(twin::Stamp) * (twin.desired.stamps.size() + twin.reported.stamps.size());
}

/// What one reported patch leads to.
struct ReportedWrite {
  Result<std::uint64_t> version{unavailable()};
};

}  // namespace

Twins::Twins(storage::Store& store, const Clock& clock, Presence& presence, DeviceLinks& links, CloudToDevice& messages)
    : store_(store), clock_(clock), presence_(presence), links_(links), messages_(messages) {}

void Twins::get(const IdentityId& id, Dialect dialect, Done<Answer> done) {
  const auto read = store_.read(id);
  if (!read) return answer_now<Answer>(unavailable(), done);
  const auto& [identity, twin] = read->entity;
  Result<Answer> answer{not_found(id)};
  if (twin) {
    answer = Answer{twin::service_view(*twin, *identity, activity_of(presence_, messages_, id), dialect.show_model_id),
                    twin_etag(twin->etag_counter)};
  }
  answer_after<Answer>(store_, read->told_after, std::move(answer), std::move(done));
}

void Twins::patch(const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect,
                  Done<Answer> done) {
  write(Write::patch, id, body, if_match, dialect, std::move(done));
}

void Twins::replace(const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect,
                    Done<Answer> done) {
  write(Write::replace, id, body, if_match, dialect, std::move(done));
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
  write(Write::patch_digital, {device, ""}, body, if_match, {}, std::move(done));
}

void Twins::write(Write kind, const IdentityId& id, std::string_view body, const IfMatch& if_match, Dialect dialect,
                  Done<Answer> done) {
  const Timestamp now = clock_.now();
  const iothub::Activity activity = activity_of(presence_, messages_, id);
  const twin::PatchRules rules{.arrays_allowed = dialect.arrays_allowed};
  // For the event's text; whether the body is good is for the rules to say, after If-Match.
  const auto document = json::parse(body);
  const auto tags = document ? document->root().find("tags") : std::nullopt;
  const auto outcome = std::make_shared<ServiceWrite>();

  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    *outcome = {};
    const auto refuse = [&](Error error) {
      outcome->answer = error;
      return error;
    };
    if (!current.twin) return refuse(not_found(id));
    if (!if_match.allows(twin_etag(current.twin->etag_counter))) return refuse(stale(*current.twin, if_match));
    auto update = kind == Write::patch     ? twin::apply_service_patch(*current.twin, body, now, rules)
                  : kind == Write::replace ? twin::apply_service_replace(*current.twin, body, now, rules)
                                           : twin::apply_digital_twin_patch(*current.twin, body, now);
    if (!update) return refuse(update.error());
    // The view is made here, not on the one commit thread; with `changed` false it is the current twin's.
    outcome->answer = Answer{twin::service_view(update->after, *current.identity, activity, dialect.show_model_id),
                             twin_etag(update->after.etag_counter)};
    storage::EntityChange change;
    if (!update->changed) return change;
    auto event = kind == Write::replace ? twin_replaced_event(id, update->after, now)
                                        : twin_patched_event(id, update->after, tags, update->desired_delta, now);
    outcome->announcement = put_update(change, std::move(*update), std::move(event));
    return change;
  };
  store_.update(id, decide,
                [this, id, outcome, done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
                  if (!durable) return done(unavailable(), outbox);
                  // Before the back end hears of its success, its delta is on the way.
                  outcome->announcement.tell(links_, id, outbox);
                  done(std::move(outcome->answer), outbox);
                });
}

void Twins::patch_beside(const IdentityId& id, std::string_view body, const Beside& beside, Done<void> done) {
  const Timestamp now = clock_.now();
  const auto document = json::parse(body);
  const auto tags = document ? document->root().find("tags") : std::nullopt;
  const auto announcement = std::make_shared<Announcement>();

  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    *announcement = {};
    Result<twin::ServiceUpdate> update{not_found(id)};
    if (current.twin) update = twin::apply_service_patch(*current.twin, body, now);
    const Result<void> patched = update ? Result<void>() : Result<void>(update.error());
    storage::EntityChange change;
    auto record = beside(patched, update ? bytes_of(update->after) : 0);
    if (!record) return change;
    change.records.push_back(std::move(*record));
    if (!update || !update->changed) return change;
    auto event = twin_patched_event(id, update->after, tags, update->desired_delta, now);
    *announcement = put_update(change, std::move(*update), std::move(event));
    return change;
  };
  store_.update(id, decide,
                [this, id, announcement, done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
                  if (!durable) return done(unavailable(), outbox);
                  announcement->tell(links_, id, outbox);
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
  const Timestamp now = clock_.now();
  const auto document = json::parse(body);  // it does not depend on the twin: outside the lock
  const auto outcome = std::make_shared<ReportedWrite>();

  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    const auto refuse = [&](Error error) {
      outcome->version = error;
      return error;
    };
    if (!current.twin) return refuse(not_found(id));
    auto after = twin::apply_reported_patch(*current.twin, document, expected_version, now);
    if (!after) return refuse(after.error());
    outcome->version = after->reported.version;
    storage::EntityChange change;
    change.events.push_back(reported_changed_event(id, *after, document->text(), now));
    change.twin = std::make_shared<const twin::Twin>(std::move(*after));
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
  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    storage::EntityChange change;
    if (!current.twin || current.twin->model_id == model_id) return change;
    auto after = std::make_shared<twin::Twin>(*current.twin);
    after->model_id = model_id;
    change.twin = std::move(after);
    return change;
  };
  store_.update(id, decide, {});
}

}  // namespace twinhub::hub
