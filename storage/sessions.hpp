// MQTT sessions in the store: those that are not durable yet stand in the cache, the others on disk alone.
//
// Functions that take a CacheStripe want its mutex held.
#pragma once

#include "storage/commit_queue.hpp"
#include "storage/database.hpp"
#include "storage/record_cache.hpp"
#include "storage/store.hpp"

#include <functional>
#include <optional>

namespace twinhub::storage {

[[nodiscard]] Result<SessionRead> load_session(const Database& database, const CacheStripe& stripe,
                                               const IdentityId& id);
/// nullptr removes it. Errors: service_unavailable; `on_durable` is not called then.
[[nodiscard]] Result<CommitSeq> queue_session(const Database& database, CommitQueue& queue, CacheStripe& stripe,
                                              const IdentityId& id, const Session* session, OnDurable on_durable);
/// `id`'s session is on disk up to unit `settled`.
void settle_session(CacheStripe& stripe, const IdentityId& id, CommitSeq settled);
/// As Store::scan_sessions().
[[nodiscard]] Result<void> scan_sessions(const Database& database, const IdentityId* after,
                                         const std::function<bool(const IdentityId&)>& visit);

}  // namespace twinhub::storage
