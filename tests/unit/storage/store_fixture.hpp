// What the store's tests share: a temporary folder, records to store, and waiting for acknowledgements without
// sleeping.
#pragma once

#include "storage/rocksdb/rocksdb_store.hpp"
#include "storage/store.hpp"

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::storage::testing {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// 2026-11-23T12:00:00Z and `seconds` later.
[[nodiscard]] Timestamp moment(std::uint64_t seconds = 0);

/// Small and quick; the clock stands still at moment().
[[nodiscard]] StoreOptions small_options(const std::filesystem::path& directory);
/// Throws std::runtime_error with the Error's words.
[[nodiscard]] std::unique_ptr<Store> open(StoreOptions options, rocksdb::Env* env = nullptr);

[[nodiscard]] std::shared_ptr<const iothub::Identity> make_identity(const IdentityId& id);
/// A twin whose reported section is {"counter":`counter`} at $version `counter`.
[[nodiscard]] std::shared_ptr<const twin::Twin> make_counter_twin(std::uint64_t counter);
/// Looks at `id` and `body`.
[[nodiscard]] TelemetryDraft make_telemetry(const IdentityId& id, std::string_view body);
/// The same for a unit.
[[nodiscard]] EncodedEvent make_event(const IdentityId& id, std::string_view body);

/// Creates the entity, or raises the counter of its twin by one.
[[nodiscard]] Result<EntityChange> count_up(const IdentityId& id, const Entity& current);
[[nodiscard]] Decide counting(const IdentityId& id);
/// 0 = there is no such entity.
[[nodiscard]] std::uint64_t counter_of(const Entity& entity);
[[nodiscard]] std::uint64_t read_counter(const Store& store, const IdentityId& id);

/// One answer to wait for.
class Answer {
 public:
  /// May be used once.
  [[nodiscard]] OnDurable callback();
  /// Waits until it is told.
  [[nodiscard]] Result<void> wait();
  [[nodiscard]] bool told() const;

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable told;
    std::optional<Result<void>> result;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Does it and waits until it is durable.
[[nodiscard]] Result<void> update_and_wait(Store& store, const IdentityId& id, const Decide& decide);
[[nodiscard]] Result<void> erase_and_wait(Store& store, const IdentityId& id);
[[nodiscard]] Result<void> append_and_wait(Store& store, const TelemetryDraft& telemetry);
[[nodiscard]] Result<void> put_session_and_wait(Store& store, const IdentityId& id, const Session* session);
/// Waits until everything queued so far is settled.
void drain(Store& store);

[[nodiscard]] std::vector<StoredEvent> all_events(const Store& store, std::uint32_t partition, std::uint64_t from = 0);

/// A counting semaphore on a condition variable: the thread sanitizer follows it.
class Semaphore {
 public:
  explicit Semaphore(std::uint64_t count) : count_(count) {}
  void acquire();
  void release();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t count_;
};

}  // namespace twinhub::storage::testing
