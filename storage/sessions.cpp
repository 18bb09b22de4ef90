#include "storage/sessions.hpp"

#include "storage/keys.hpp"
#include "storage/record.hpp"

#include <memory>
#include <string>
#include <utility>

namespace twinhub::storage {

Result<SessionRead> load_session(const Database& database, const CacheStripe& stripe, const IdentityId& id) {
  if (const auto pending = stripe.pending_sessions.find(id); pending != stripe.pending_sessions.end()) {
    return SessionRead{pending->second.session, pending->second.seq};
  }
  const Reading reading(database);
  if (!reading) return closed_error();
  std::string bytes;
  const auto status = database.engine()->Get({}, database.family(Family::sessions), entity_key(id), &bytes);
  if (status.IsNotFound()) return SessionRead{};
  if (!status.ok()) return engine_error(status);
  auto session = decode_session(bytes);
  if (!session) return fail(session.error().code, session.error().detail + ": " + name_of(id));
  return SessionRead{std::move(*session), 0};
}

Result<CommitSeq> queue_session(const Database& database, CommitQueue& queue, CacheStripe& stripe, const IdentityId& id,
                                const Session* session, OnDurable on_durable) {
  const std::string key = entity_key(id);
  std::string bytes;
  if (session != nullptr) encode(bytes, *session);
  Unit unit;
  unit.sessions = {id};
  unit.bytes = key.size() + bytes.size();
  unit.write = [&](rocksdb::WriteBatch& batch) {
    if (session != nullptr) {
      batch.Put(database.family(Family::sessions), key, bytes);
    } else {
      batch.Delete(database.family(Family::sessions), key);
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

Result<void> scan_sessions(const Database& database, const IdentityId* after,
                           const std::function<bool(const IdentityId&)>& visit) {
  const Reading reading(database);
  if (!reading) return closed_error();
  const std::unique_ptr<rocksdb::Iterator> it(database.engine()->NewIterator({}, database.family(Family::sessions)));
  for (it->Seek(after == nullptr ? std::string() : entity_key(*after) + '\0'); it->Valid(); it->Next()) {
    const auto id = parse_entity_key(view(it->key()));
    if (id && !visit(*id)) return {};
  }
  if (!it->status().ok()) return engine_error(it->status());
  return {};
}

}  // namespace twinhub::storage
