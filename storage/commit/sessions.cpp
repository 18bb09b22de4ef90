#include "storage/commit/sessions.hpp"

#include "storage/commit/entity_reading.hpp"
#include "storage/format/keys.hpp"
#include "storage/format/record.hpp"

#include <string>
#include <utility>

namespace twinhub::storage {

Result<SessionRead> load_session(const Engine& engine, const CacheStripe& stripe, const IdentityId& id) {
  if (const auto pending = stripe.pending_sessions.find(id); pending != stripe.pending_sessions.end()) {
    return SessionRead{pending->second.session, pending->second.seq};
  }
  auto session = Reading(engine).get(Family::sessions, entity_key(id),
                                     [&](std::string_view bytes) { return named(decode_session(bytes), id); });
  if (!session) return session.error();
  return SessionRead{std::move(*session), 0};
}

Result<CommitSeq> queue_session(CommitQueue& queue, CacheStripe& stripe, const IdentityId& id, const Session* session,
                                OnDurable on_durable) {
  const std::string key = entity_key(id);
  std::string bytes;
  if (session != nullptr) encode(bytes, *session);
  Unit unit;
  unit.sessions = {id};
  unit.bytes = key.size() + bytes.size();
  unit.write = [&](WriteBatch& batch) {
    if (session != nullptr) {
      batch.put(Family::sessions, key, bytes);
    } else {
      batch.erase(Family::sessions, key);
    }
  };
  const auto seq = queue.enqueue(unit, std::move(on_durable));
  if (!seq) return seq.error();
  stripe.pending_sessions[id] = {session != nullptr ? std::optional<Session>{*session} : std::nullopt, *seq};
  return *seq;
}

void settle_session(CacheStripe& stripe, const IdentityId& id, CommitSeq settled) {
  const auto pending = stripe.pending_sessions.find(id);
  if (pending != stripe.pending_sessions.end() && pending->second.seq <= settled)
    stripe.pending_sessions.erase(pending);
}

Result<void> scan_sessions(const Engine& engine, const IdentityId* after,
                           const std::function<bool(const IdentityId&)>& visit) {
  const Reading reading(engine);
  const auto at = reading.cursor(Family::sessions);
  for (at->seek(after == nullptr ? std::string() : entity_key(*after) + '\0'); at->valid(); at->next()) {
    const auto id = parse_entity_key(at->key());
    if (id && !visit(*id)) return {};
  }
  return at->status();
}

}  // namespace twinhub::storage
