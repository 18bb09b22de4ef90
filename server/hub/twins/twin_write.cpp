#include "server/hub/twins/twin_write.hpp"

#include "storage/format/event_record.hpp"

#include <cassert>
#include <utility>

namespace twinhub::hub {
namespace {

/// Every new state of every twin passes here: which write it comes from, the state before (null: there was none) and
/// the state after.
void put(storage::EntityChange& change, [[maybe_unused]] const TwinWrite& write,
         [[maybe_unused]] const twin::Twin* before, twin::Twin&& after) {
  // Clients rely on versions that never go back, and on each author's keeping to its own section.
  assert(before == nullptr || after.etag_counter >= before->etag_counter);
  assert(before == nullptr || after.desired.version >= before->desired.version);
  assert(before == nullptr || after.reported.version >= before->reported.version);
  assert(before == nullptr || write.author != TwinAuthor::device || after.etag_counter == before->etag_counter);
  change.twin = std::make_shared<const twin::Twin>(std::move(after));
}

DesiredDelta put_update(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before,
                        twin::ServiceUpdate&& update) {
  DesiredDelta delta;
  delta.version = update.after.desired.version;
  if (update.desired_delta) delta.text = std::make_shared<const std::string>(std::move(*update.desired_delta));
  put(change, write, &before, std::move(update.after));
  return delta;
}

}  // namespace

Error reserved(const IdentityId& id) {
  return fail(Errc::system_module_modify_unauthorized_access,
              "Unauthorized to modify reserved module " + id.device + "/" + id.module + ".");
}

Result<void> check_etag(const twin::Twin& twin, const IfMatch& if_match) {
  const std::string current = twin_etag(twin.etag_counter);
  if (if_match.allows(current)) return {};
  // IoT Hub's own words (mwalser/terraform-provider-iothub, internal/client/errors_test.go).
  return fail(Errc::precondition_failed, "PreconditionFailed, ETag may be invalid.");
}

void put_new_twin(storage::EntityChange& change, const TwinWrite& write) {
  put_new_twin(change, write, twin::make_twin(write.at));
}

void put_new_twin(storage::EntityChange& change, const TwinWrite& write, twin::Twin&& first) {
  put(change, write, nullptr, std::move(first));
}

void put_reported(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before, twin::Twin&& after,
                  std::string_view patch) {
  twin::Change event;
  event.version = after.version();
  event.reported = {patch, after.reported.version};
  change.events.push_back(storage::twin_changed_event(write.id, event, write.at));
  put(change, write, &before, std::move(after));
}

DesiredDelta put_patched(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before,
                         twin::ServiceUpdate&& update, const std::optional<json::Value>& tags) {
  assert(update.changed);
  twin::Change event;
  event.version = update.after.version();
  if (tags && tags->text() != "{}") event.tags = tags->text();
  if (update.desired_delta) event.desired = {*update.desired_delta, update.after.desired.version};
  change.events.push_back(storage::twin_changed_event(write.id, event, write.at));
  return put_update(change, write, before, std::move(update));
}

DesiredDelta put_replaced(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before,
                          twin::ServiceUpdate&& update) {
  assert(update.changed);
  const std::string notice = twin::replacement_notice(write.id, update.after);
  change.events.push_back(storage::twin_replaced_event(write.id, notice, write.at));
  return put_update(change, write, before, std::move(update));
}

void put_without_event(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before,
                       twin::Twin&& after) {
  put(change, write, &before, std::move(after));
}

}  // namespace twinhub::hub
