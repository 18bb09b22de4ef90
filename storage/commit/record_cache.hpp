// The newest state of entities, durable or not. State that is not durable yet stands nowhere else, so it is never
// evicted.
#pragma once

#include "protocol/ids.hpp"
#include "storage/format/twin_delta.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace twinhub::storage {

/// One stripe of the cache. Every call is made with `mutex` held.
///
/// Lock order: a stripe's mutex, then the commit queue's. The commit thread takes stripes one at a time, holding no
/// other lock.
class CacheStripe {
 public:
  struct Entry {
    IdentityId id;
    Entity entity;      ///< null members: known not to exist
    CommitSeq seq = 0;  ///< unit of the last write; 0 = as read from disk
    std::size_t bytes = 0;
    DeltaChain chain;  ///< behind the whole record of its twin
  };

  Mutex mutex;

  /// Null: not here. The entry stays where it is until the next put() or drop.
  [[nodiscard]] Entry* find(const IdentityId& id) REQUIRES(mutex);
  /// Puts the state of `id`, evicting settled entries past `bytes_max`. `settled`: every unit up to it is durable.
  Entry& put(const IdentityId& id, Entity entity, CommitSeq seq, std::size_t bytes_max, CommitSeq settled)
      REQUIRES(mutex);
  /// The same for an entry that find() or put() has just given.
  void renew(Entry& entry, Entity entity, CommitSeq seq, std::size_t bytes_max, CommitSeq settled) REQUIRES(mutex);
  /// Ids of `device`'s modules that the cache knows to exist.
  [[nodiscard]] std::vector<IdentityId> modules_of(const std::string& device) const REQUIRES(mutex);
  /// Forgets every entry written after unit `settled`: those units failed.
  void drop_after(CommitSeq settled) REQUIRES(mutex);
  /// Forgets everything: call it when nothing is queued.
  void drop_all() REQUIRES(mutex);

  // Sessions are cached only until they are durable.
  struct PendingSession {
    std::optional<Session> session;
    CommitSeq seq = 0;
  };
  std::unordered_map<IdentityId, PendingSession> pending_sessions GUARDED_BY(mutex);

  [[nodiscard]] std::size_t bytes() const REQUIRES(mutex) { return bytes_; }

 private:
  using Order = std::list<Entry>;
  void evict(std::size_t bytes_max, CommitSeq settled) REQUIRES(mutex);

  Order order_ GUARDED_BY(mutex);  // most recently used first
  std::unordered_map<IdentityId, Order::iterator> by_id_ GUARDED_BY(mutex);
  std::size_t bytes_ GUARDED_BY(mutex) = 0;
};

}  // namespace twinhub::storage
