// The MQTT session that clean session 0 keeps: the subscriptions, by identity, over reconnects and restarts. SDKs renew
// their tokens by reconnecting and do not subscribe again.
#include "server/mqtt/hub_device.hpp"
#include "server/mqtt/when_done.hpp"

namespace twinhub::mqtt_door {

/// Clean session 0 takes up the kept session, or begins to keep one; clean session 1 drops it.
Result<void> HubDevice::open_session(const IdentityId& id, bool& session_present) {
  const auto refuse = [](const Error& error) { return fail(Errc::service_unavailable, error.detail); };
  storage::Store& store = hub().store;
  auto kept = store.read_session(id);
  if (!kept) return refuse(kept.error());
  session_present = !clean_session_ && kept->session;
  if (!kept->session) {
    if (clean_session_) return {};
    // A session without subscriptions is written with the first one, or when its connection ends: not without a store.
    if (const auto writable = store.writable(); !writable) return refuse(writable.error());
    session_unwritten_ = true;
    return {};
  }
  const hub::SessionExpiry& expiry = hub().session_expiry;
  const bool is_stale = expiry.is_stale(*kept->session);
  if (session_present) subscriptions_ = std::move(kept->session->subscriptions);
  kept_with_ = kept->told_after;
  if (session_present && !is_stale) return {};
  // No answer waits for this write: it may become durable later.
  const storage::Session session{subscriptions_, expiry.stamp()};
  const auto written = store.put_session(id, clean_session_ ? nullptr : &session, {});
  if (!written) return refuse(written.error());
  kept_with_ = *written;
  return {};
}

void HubDevice::keep_session(bool changed, std::function<void(HubDevice&)> answer) {
  if (clean_session_) return answer(*this);
  auto done = when_done<void>(hub::Operation::unlimited,
                              [answer = std::move(answer)](HubDevice& self, const Result<void>& kept) {
                                if (!kept) return self.connection_.close(CloseReason::store_failed);
                                answer(self);
                              });
  storage::Store& store = hub().store;
  if (!changed && !session_unwritten_) return store.when_durable(kept_with_, std::move(done));
  hub().presence.write_down();  // this connection's beginning, most likely: one sync for both
  const storage::Session session{subscriptions_, hub().session_expiry.stamp()};
  const auto queued = store.put_session(login_.id, &session, std::move(done));
  if (!queued) return connection_.close(CloseReason::store_failed);
  session_unwritten_ = false;
  kept_with_ = *queued;
}

/// Unless a newer connection has taken the session over, or the identity is gone and its session with it.
void HubDevice::write_empty_session() {
  if (was_taken_over()) return;
  storage::Store& store = hub().store;
  const auto read = store.read(login_.id);
  if (!read || !read->entity.identity || read->entity.identity->generation_id != login_.generation_id) return;
  // An older connection may have been writing the session when this one began: that write wins over an empty session.
  const auto kept = store.read_session(login_.id);
  if (!kept || kept->session) return;
  const storage::Session session{{}, hub().session_expiry.stamp()};
  // No answer waits for this write, and a failed one loses nothing: the session is empty.
  (void)store.put_session(login_.id, &session, {});
}

}  // namespace twinhub::mqtt_door
