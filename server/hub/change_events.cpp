#include "server/hub/change_events.hpp"

namespace twinhub::hub {

storage::EncodedEvent reported_changed_event(const IdentityId& id, const twin::Twin& after, std::string_view patch,
                                             Timestamp now) {
  twin::Change change;
  change.version = after.version();
  change.reported = {patch, after.reported.version};
  return storage::twin_changed_event(id, change, now);
}

storage::EncodedEvent twin_patched_event(const IdentityId& id, const twin::Twin& after,
                                         const std::optional<json::Value>& tags,
                                         const std::optional<std::string>& desired_delta, Timestamp now) {
  twin::Change change;
  change.version = after.version();
  if (tags && tags->text() != "{}") change.tags = tags->text();
  if (desired_delta) change.desired = {*desired_delta, after.desired.version};
  return storage::twin_changed_event(id, change, now);
}

storage::EncodedEvent twin_replaced_event(const IdentityId& id, const twin::Twin& after, Timestamp now) {
  return storage::twin_replaced_event(id, twin::replacement_notice(id, after), now);
}

}  // namespace twinhub::hub
