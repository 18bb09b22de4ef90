// MQTT sessions in the store: those that are not durable yet stand in the cache, the others in the engine alone.
#pragma once

#include "storage/commit/commit_queue.hpp"
#include "storage/commit/record_cache.hpp"
#include "storage/engine/engine.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <functional>
#include <optional>

namespace twinhub::storage {

[[nodiscard]] Result<SessionRead> load_session(const Engine& engine, const CacheStripe& stripe, const IdentityId& id)
    REQUIRES(stripe.mutex);
/// nullptr removes it. Errors: service_unavailable; `on_durable` is not called then.
[[nodiscard]] Result<CommitSeq> queue_session(CommitQueue& queue, CacheStripe& stripe, const IdentityId& id,
                                              const Session* session, OnDurable on_durable) REQUIRES(stripe.mutex);
/// `id`'s session is durable up to unit `settled`.
void settle_session(CacheStripe& stripe, const IdentityId& id, CommitSeq settled) REQUIRES(stripe.mutex);
/// As Store::scan_sessions().
[[nodiscard]] Result<void> scan_sessions(const Engine& engine, const IdentityId* after,
                                         const std::function<bool(const IdentityId&)>& visit);

}  // namespace twinhub::storage
