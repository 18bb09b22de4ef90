#include "storage/commit/record_cache.hpp"

namespace twinhub::storage {
namespace {

/// The size of an entry in memory, about: bookkeeping of list, map and shared pointers included.
std::size_t bytes_of(const Entity& entity) {
  std::size_t bytes = 512;
  if (entity.twin) {
    const auto& twin = *entity.twin;
    bytes += twin.tags.size() + twin.configurations.size() + twin.desired.text.size() + twin.reported.text.size() +
             sizeof(twin::Stamp) * (twin.desired.stamps.size() + twin.reported.stamps.size());
  }
  return bytes;
}

}  // namespace

CacheStripe::Entry* CacheStripe::find(const IdentityId& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return &*found->second;
}

CacheStripe::Entry& CacheStripe::put(const IdentityId& id, Entity entity, CommitSeq seq, std::size_t bytes_max,
                                     CommitSeq settled) {
  const auto [found, is_new] = by_id_.try_emplace(id);
  if (is_new) {
    order_.push_front({id, {}, 0, 0, {}});
    found->second = order_.begin();
  } else {
    order_.splice(order_.begin(), order_, found->second);
  }
  renew(*found->second, std::move(entity), seq, bytes_max, settled);
  return *found->second;
}

void CacheStripe::renew(Entry& entry, Entity entity, CommitSeq seq, std::size_t bytes_max, CommitSeq settled) {
  const std::size_t bytes = bytes_of(entity);
  bytes_ += bytes - entry.bytes;
  entry.entity = std::move(entity);
  entry.seq = seq;
  entry.bytes = bytes;
  entry.chain = {};
  if (bytes_ > bytes_max) evict(bytes_max, settled);
}

void CacheStripe::evict(std::size_t bytes_max, CommitSeq settled) {
  constexpr int steps_max = 64;  // unsettled entries are passed over: a bound on how many in one call
  auto it = order_.end();
  for (int steps = 0; bytes_ > bytes_max && steps < steps_max; ++steps) {
    if (it == order_.begin()) return;
    --it;
    if (it == order_.begin()) return;  // the entry just put
    if (it->seq > settled) continue;
    bytes_ -= it->bytes;
    by_id_.erase(it->id);
    it = order_.erase(it);
  }
}

std::vector<IdentityId> CacheStripe::modules_of(const std::string& device) const {
  std::vector<IdentityId> modules;
  for (const Entry& entry : order_) {
    if (entry.id.device == device && entry.id.is_module() && entry.entity.identity) modules.push_back(entry.id);
  }
  return modules;
}

void CacheStripe::drop_after(CommitSeq settled) {
  for (auto it = order_.begin(); it != order_.end();) {
    if (it->seq <= settled) {
      ++it;
      continue;
    }
    bytes_ -= it->bytes;
    by_id_.erase(it->id);
    it = order_.erase(it);
  }
  std::erase_if(pending_sessions, [&](const auto& pending) { return pending.second.seq > settled; });
}

void CacheStripe::drop_all() {
  order_.clear();
  by_id_.clear();
  bytes_ = 0;
  pending_sessions.clear();
}

}  // namespace twinhub::storage
