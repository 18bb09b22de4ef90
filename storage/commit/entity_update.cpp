// The one writer of identities and twins: reads, decides, and queues the change, under the stripe's lock.
#include "storage/commit/engine_store.hpp"
#include "storage/commit/record_table.hpp"
#include "storage/format/keys.hpp"
#include "storage/format/record.hpp"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace twinhub::storage {
namespace {

/// The stored bytes of an entity that was not there.
struct NewEntity {
  std::string key, identity, twin;
};

std::vector<NewEntity> encode_modules(const EntityChange& change, std::size_t& bytes) {
  std::vector<NewEntity> modules;
  for (const EntityChange& module : change.modules) {
    assert(module.identity && module.twin && module.records.empty());
    NewEntity& made = modules.emplace_back();
    made.key = entity_key(module.identity->id);
    encode(made.identity, *module.identity);
    encode(made.twin, *module.twin);
    bytes += 2 * made.key.size() + made.identity.size() + made.twin.size();
  }
  return modules;
}

}  // namespace

UpdateResult EngineStore::update(const IdentityId& id, const Decide& decide, OnDurable on_durable) {
  if (options_.read_only) {
    settle_now(read_only_error(), on_durable);
    return {read_only_error(), 0};
  }
  CacheStripe& stripe = stripe_of(id);
  MutexLock lock(stripe.mutex);
  const auto current = load(stripe, id);
  if (!current) {
    lock.unlock();
    settle_now(current.error(), on_durable);
    return {current.error(), 0};
  }
  auto change = *current == nullptr ? decide(Entity{}) : decide((*current)->entity);
  if (!change || change->empty()) {
    const CommitSeq told_after = *current == nullptr ? 0 : (*current)->seq;
    lock.unlock();
    queue_->when_durable(told_after, std::move(on_durable));
    return {change ? Result<void>{} : Result<void>{change.error()}, told_after};
  }
  const auto seq = queue_change(stripe, id, *current, *change, on_durable);
  lock.unlock();
  if (!seq) {
    settle_now(seq.error(), on_durable);
    return {seq.error(), 0};
  }
  EntityWatcher* const watcher = watcher_.load(std::memory_order_acquire);
  if (watcher != nullptr && watcher != change->writer && (change->identity || change->twin)) {
    watcher->entity_changed(id);
    for (const EntityChange& module : change->modules) watcher->entity_changed(module.identity->id);
  }
  return {{}, *seq};
}

Result<CommitSeq> EngineStore::queue_change(CacheStripe& stripe, const IdentityId& id, CacheStripe::Entry* current,
                                            EntityChange& change, OnDurable& on_durable) {
  Unit unit;
  add_events(unit, change.events);
  if (change.erase) return queue_erasure(stripe, id, unit, change.records, on_durable);
  assert(change.modules.empty() || (!id.is_module() && (change.identity || current != nullptr)));
  if (const auto kept = keep_new_modules(stripe, change); !kept) return kept.error();
  std::vector<EncodedEvent> all_events;
  if (!change.modules.empty()) {
    all_events = change.events;
    for (const EntityChange& module : change.modules)
      all_events.insert(all_events.end(), module.events.begin(), module.events.end());
    unit.bytes = 0;
    add_events(unit, all_events);
  }

  const Entity before = current == nullptr ? Entity{} : current->entity;
  DeltaChain chain = current == nullptr ? DeltaChain{} : current->chain;
  const std::string key = entity_key(id);
  std::string identity_bytes, twin_bytes;
  if (change.identity) encode(identity_bytes, *change.identity);
  bool is_delta = false;
  if (change.twin) {
    is_delta = before.twin && encode_delta(twin_bytes, *before.twin, *change.twin, chain);
    if (!is_delta) {
      encode(twin_bytes, *change.twin);
      chain = {.known = true};
    }
  }
  unit.bytes += 2 * key.size() + identity_bytes.size() + twin_bytes.size() + bytes_of(change.records);
  const std::vector<NewEntity> modules = encode_modules(change, unit.bytes);
  const auto write = [&](WriteBatch& batch) {
    if (change.identity) batch.put(Family::identities, key, identity_bytes);
    if (is_delta) {
      batch.merge(Family::twins, key, twin_bytes);
    } else if (change.twin) {
      batch.put(Family::twins, key, twin_bytes);
    }
    for (const NewEntity& module : modules) {
      batch.put(Family::identities, module.key, module.identity);
      batch.put(Family::twins, module.key, module.twin);
    }
    append_records(change.records, batch);
  };
  unit.write = std::cref(write);
  const auto seq = queue_->enqueue(unit, std::move(on_durable));
  if (!seq) return seq.error();
  if (!change.identity && !change.twin) return *seq;
  Entity after{change.identity ? change.identity : before.identity, change.twin ? change.twin : before.twin};
  if (current == nullptr) {
    current = &stripe.put(id, std::move(after), *seq, stripe_bytes_max(), settled());
  } else {
    stripe.renew(*current, std::move(after), *seq, stripe_bytes_max(), settled());
  }
  current->chain = chain;
  for (const EntityChange& module : change.modules) {
    auto& entry = stripe.put(module.identity->id, {module.identity, module.twin}, *seq, stripe_bytes_max(), settled());
    entry.chain = {.known = true};
  }
  return *seq;
}

/// Forgets the modules that are there already.
Result<void> EngineStore::keep_new_modules(CacheStripe& stripe, EntityChange& change) const {
  std::vector<EntityChange> wanted = std::exchange(change.modules, {});
  for (EntityChange& module : wanted) {
    const IdentityId& id = module.identity->id;
    const auto* entry = stripe.find(id);  // puts nothing: the device's own entry stays where it is
    if (entry != nullptr && entry->entity.identity) continue;
    if (entry == nullptr) {
      const auto entity = read_from_engine(id);
      if (!entity) return entity.error();
      if (entity->identity) continue;
    }
    change.modules.push_back(std::move(module));
  }
  return {};
}

/// The device itself and everything under it that is known, in the engine or only in the cache.
Result<std::vector<IdentityId>> EngineStore::things_of_device(const CacheStripe& stripe,
                                                              const std::string& device) const {
  const Reading reading(*engine_);
  std::vector<IdentityId> ids = stripe.modules_of(device);
  ids.push_back({device, ""});
  const std::string prefix = device_prefix(device);
  for (const Family which : {Family::identities, Family::sessions}) {
    const auto at = reading.cursor(which);
    for (at->seek(prefix); at->valid() && at->key().starts_with(prefix); at->next()) {
      if (auto id = parse_entity_key(at->key())) ids.push_back(std::move(*id));
    }
    if (const auto status = at->status(); !status) return status.error();
  }
  for (const auto& [id, pending] : stripe.pending_sessions) {
    if (id.device == device) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Result<CommitSeq> EngineStore::queue_erasure(CacheStripe& stripe, const IdentityId& id, Unit& unit,
                                             const std::vector<RecordWrite>& records, OnDurable& on_durable) {
  auto ids = id.is_module() ? Result<std::vector<IdentityId>>{std::vector<IdentityId>{id}}
                            : things_of_device(stripe, id.device);
  if (!ids) return ids.error();
  unit.write = [&](WriteBatch& batch) {
    for (const IdentityId& gone : *ids) {
      const std::string key = entity_key(gone);
      for (const Family which : {Family::identities, Family::twins, Family::sessions}) batch.erase(which, key);
    }
    erase_owned_records(id, batch);
    append_records(records, batch);
  };
  unit.sessions = *ids;
  unit.bytes += ids->size() * 128 + bytes_of(records);
  const auto seq = queue_->enqueue(unit, std::move(on_durable));
  if (!seq) return seq.error();
  for (const IdentityId& gone : *ids) {
    stripe.put(gone, {}, *seq, stripe_bytes_max(), settled());
    stripe.pending_sessions[gone] = {std::nullopt, *seq};
  }
  return *seq;
}

}  // namespace twinhub::storage
