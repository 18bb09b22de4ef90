// The newest state of entities, durable or not. What is not durable yet stands nowhere else, so it is never evicted.
#pragma once

#include "protocol/ids.hpp"
#include "storage/store.hpp"
#include "storage/twin_delta.hpp"

#include <cstddef>
#include <list>
#include <mutex>
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

  std::mutex mutex;

  /// Null: not here. The entry stays where it is until the next put() or drop.
  [[nodiscard]] Entry* find(const IdentityId& id);
  /// Puts the state of `id`, evicting settled entries past `bytes_max`. `settled`: every unit up to it is durable.
  Entry& put(const IdentityId& id, Entity entity, CommitSeq seq, std::size_t bytes_max, CommitSeq settled);
  /// The same for an entry that find() or put() has just given.
  void renew(Entry& entry, Entity entity, CommitSeq seq, std::size_t bytes_max, CommitSeq settled);
  /// Ids of `device`'s modules that the cache knows to exist.
  [[nodiscard]] std::vector<IdentityId> modules_of(const std::string& device) const;
  /// Forgets every entry written after unit `settled`: those units failed.
  void drop_after(CommitSeq settled);
  /// Forgets everything: call it when nothing is queued.
  void drop_all();

  // Sessions are cached only until they are durable.
  struct PendingSession {
    std::optional<Session> session;
    CommitSeq seq = 0;
  };
  std::unordered_map<IdentityId, PendingSession> pending_sessions;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  using Order = std::list<Entry>;
  void evict(std::size_t bytes_max, CommitSeq settled);

  Order order_;  // most recently used first
  std::unordered_map<IdentityId, Order::iterator> by_id_;
  std::size_t bytes_ = 0;
};

}  // namespace twinhub::storage
