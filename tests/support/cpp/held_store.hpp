// A store whose acknowledgements a test can hold back: requests then wait as they do for a slow disk, for as long as
// the test wants.
#pragma once

#include "storage/store.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace twinhub::test {

/// Everything goes through to `store`; only the news of durability waits while held. Any thread.
class HeldStore final : public storage::Store {
 public:
  explicit HeldStore(std::unique_ptr<storage::Store> store) : store_(std::move(store)) {}
  ~HeldStore() override { release(); }

  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  /// Tells everybody who waits, in order, and holds no more.
  void release() {
    std::vector<std::function<void(storage::Outbox&)>> waiting;
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
      waiting = std::exchange(waiting_, {});
    }
    storage::Outbox outbox;
    for (const auto& tell : waiting) tell(outbox);
  }
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  /// From now on every write is refused, as by a store whose disk is full.
  void refuse_writes() { set_refusing(true); }
  void accept_writes() { set_refusing(false); }

  Result<storage::EntityRead> read(const IdentityId& id) const override { return store_->read(id); }
  storage::UpdateResult update(const IdentityId& id, const storage::Decide& decide,
                               storage::OnDurable on_durable) override {
    return store_->update(id, decide, holdable(std::move(on_durable)));
  }
  void when_durable(storage::CommitSeq seq, storage::OnDurable on_durable) override {
    store_->when_durable(seq, holdable(std::move(on_durable)));
  }
  bool is_durable(storage::CommitSeq seq) const override { return store_->is_durable(seq); }
  void append_telemetry(const storage::TelemetryDraft& telemetry, storage::OnDurable on_durable) override {
    if (!refusing()) return store_->append_telemetry(telemetry, holdable(std::move(on_durable)));
    storage::Outbox outbox;
    if (on_durable) on_durable(fail(Errc::service_unavailable, "refused by the test"), outbox);
  }
  Result<storage::SessionRead> read_session(const IdentityId& id) const override { return store_->read_session(id); }
  Result<storage::CommitSeq> put_session(const IdentityId& id, const storage::Session* session,
                                         storage::OnDurable on_durable) override {
    if (refusing()) return fail(Errc::service_unavailable, "refused by the test");
    return store_->put_session(id, session, holdable(std::move(on_durable)));
  }
  Result<void> revise_session(const IdentityId& id,
                              const std::function<std::optional<storage::Session>(storage::Session)>& revise) override {
    return store_->revise_session(id, revise);
  }
  Result<void> scan_sessions(const IdentityId* after,
                             const std::function<bool(const IdentityId&)>& visit) const override {
    return store_->scan_sessions(after, visit);
  }
  Result<void> write_records(std::vector<storage::RecordWrite> writes, std::vector<storage::EncodedEvent> events,
                             storage::OnDurable on_durable) override {
    if (refusing()) return fail(Errc::service_unavailable, "refused by the test");
    // Whose connection came or went, the hub writes down for itself: no peer waits for it.
    const bool has_waiter = std::any_of(writes.begin(), writes.end(), [](const storage::RecordWrite& write) {
      return write.kind != storage::RecordKind::activity;
    });
    if (has_waiter) on_durable = holdable(std::move(on_durable));
    return store_->write_records(std::move(writes), std::move(events), std::move(on_durable));
  }
  Result<std::optional<std::string>> read_record(storage::RecordKind kind, std::string_view key) const override {
    return store_->read_record(kind, key);
  }
  Result<void> scan_records(storage::RecordKind kind, std::string_view prefix, std::string_view after,
                            const storage::RecordVisitor& visit) const override {
    return store_->scan_records(kind, prefix, after, visit);
  }
  Result<void> scan(const IdentityId* after, const std::function<bool(const storage::Entity&)>& visit) const override {
    return store_->scan(after, visit);
  }
  Result<std::shared_ptr<const storage::Snapshot>> snapshot() const override { return store_->snapshot(); }
  Result<void> read_events(std::uint32_t partition, std::uint64_t sequence_number,
                           const std::function<bool(const storage::StoredEvent&)>& visit) const override {
    return store_->read_events(partition, sequence_number, visit);
  }
  std::uint32_t event_partition_of(const IdentityId& id) const override { return store_->event_partition_of(id); }
  std::vector<storage::EventRange> event_ranges() const override {
    ++looks_at_event_ranges_;
    return store_->event_ranges();
  }
  [[nodiscard]] std::uint64_t looks_at_event_ranges() const { return looks_at_event_ranges_; }
  Timestamp newest_event(std::uint32_t partition) const override { return store_->newest_event(partition); }
  Result<std::uint64_t> find_events_since(std::uint32_t partition, Timestamp since) const override {
    return store_->find_events_since(partition, since);
  }
  void hold_events(std::uint32_t partition, std::uint64_t sequence_number) override {
    store_->hold_events(partition, sequence_number);
  }
  void watch_events(std::function<void()> wake) override { store_->watch_events(std::move(wake)); }
  void watch_entities(storage::EntityWatcher* watcher) override { store_->watch_entities(watcher); }
  Result<void> writable() const override {
    if (refusing()) return fail(Errc::service_unavailable, "refused by the test");
    return store_->writable();
  }
  std::vector<Figure> figures() const override { return store_->figures(); }

 private:
  void set_refusing(bool refusing) {
    const std::lock_guard lock(mutex_);
    refusing_ = refusing;
  }
  [[nodiscard]] bool refusing() const {
    const std::lock_guard lock(mutex_);
    return refusing_;
  }
  storage::OnDurable holdable(storage::OnDurable on_durable) {
    if (!on_durable) return on_durable;
    return [this, on_durable = std::move(on_durable)](const Result<void>& result, storage::Outbox& outbox) {
      {
        const std::lock_guard lock(mutex_);
        if (held_) {
          waiting_.emplace_back([on_durable, result](storage::Outbox& later) { on_durable(result, later); });
          return;
        }
      }
      on_durable(result, outbox);
    };
  }

  mutable std::atomic<std::uint64_t> looks_at_event_ranges_{0};
  mutable std::mutex mutex_;
  bool held_ = false;                                           // guarded by mutex_
  bool refusing_ = false;                                       // guarded by mutex_
  std::vector<std::function<void(storage::Outbox&)>> waiting_;  // guarded by mutex_
  std::unique_ptr<storage::Store> store_;
};

}  // namespace twinhub::test
