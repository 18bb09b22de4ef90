// The seam under the store: ordered keys, read at one moment and changed by atomic batches. The store stands on it
// alone (storage/commit), and each engine stands behind it in a room of its own: storage/rocksdb is that of one node.
//
// One commit cycle of the store is one batch, and a batch is refused as a whole when the engine does not own its data
// any more. How the engine knows is its own affair, because the proof has to lie where the write lands:
//
//   RocksDB             holds the lock of its folder, so a second writer cannot even open it;
//   a database server   would hold an epoch for each group of keys, which every cycle's transaction checks and locks.
//
// The same goes for a commit whose answer is lost: the engine has to find out, not the store. RocksDB reads its log
// again; a server would be asked for the number of the last cycle, written in that cycle's own transaction. So neither
// epoch nor cycle number stands in this interface: commit() says durable, failed or not_owner, and recover() says
// whether to read again.
#pragma once

#include "protocol/error.hpp"
#include "storage/engine/cursor.hpp"
#include "storage/engine/family.hpp"
#include "storage/engine/write_batch.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace twinhub::storage {

class Engine;

/// One moment of the engine, for readers. Any thread. To be let go of before the engine is; while it is held, the
/// engine keeps the values that have been overwritten since. The engine may end a snapshot early (RocksDB's ends when
/// it is opened again): whatever is read at it then is service_unavailable.
class EngineSnapshot {
 public:
  explicit EngineSnapshot(const Engine& engine) : engine_(engine) {}
  EngineSnapshot(const EngineSnapshot&) = delete;
  EngineSnapshot& operator=(const EngineSnapshot&) = delete;
  virtual ~EngineSnapshot() = default;

  [[nodiscard]] const Engine& engine() const { return engine_; }

 private:
  const Engine& engine_;
};

enum class CommitOutcome : std::uint8_t {
  durable,    ///< the batch is there, and stays (as far as Durability says)
  failed,     ///< no answer can be given: it is there as a whole or not at all, and recover() finds out
  not_owner,  ///< nothing of it is there: the data is another process's to write, and recover() will not help
};

struct CommitResult {
  CommitOutcome outcome = CommitOutcome::durable;
  Error error = {};  ///< unless durable: service_unavailable in the engine's words
};

enum class Recovery : std::uint8_t {
  unchanged,  ///< values that were read before still stand
  reread,     ///< a batch that had failed may be there: values that were read before may be out of date
};

/// Any thread reads, through a Reading; one thread at a time, the commit thread, commits and recovers.
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  /// An empty batch. It stays good while the engine recovers. Any thread.
  [[nodiscard]] virtual std::unique_ptr<WriteBatch> make_batch() const = 0;

  /// Makes `batch` durable as a whole, or nothing of it. Readers see it from here on, and not before. The batch keeps
  /// its content. Commit thread only. REQUIRES: `batch` is of this engine.
  [[nodiscard]] virtual CommitResult commit(WriteBatch& batch) = 0;
  /// Tries once to take writes again after a commit that failed; from the first try on, readers may see that batch.
  /// Errors: not yet; readers are served as far as that is possible. May wait for readers, but not for long. Commit
  /// thread only.
  [[nodiscard]] virtual Result<Recovery> recover() = 0;

  /// The committed state of now. Errors: service_unavailable.
  [[nodiscard]] virtual Result<std::unique_ptr<EngineSnapshot>> snapshot() const = 0;

  /// Makes the next checkpoint() quick: what would have to be written for it is written now. May take seconds. Any
  /// thread. Errors: service_unavailable; operation_not_allowed_in_current_state when nothing is on disk.
  [[nodiscard]] virtual Result<void> prepare_checkpoint() = 0;
  /// Makes `folder` (it is not there, its parent is) and in it files from which the engine opens with every batch
  /// committed so far. Any thread, but not while commit() or recover() runs. Errors as above.
  [[nodiscard]] virtual Result<void> checkpoint(const std::filesystem::path& folder) = 0;

 protected:
  using ValueVisitor = std::function<void(std::string_view value)>;

 private:
  // Called by Reading, which the caller holds. `at` null: the newest committed state.
  friend class Reading;
  virtual void begin_reading() const = 0;
  virtual void end_reading() const = 0;
  /// Does not call `visit` when there is no such key. The value dies when `visit` returns.
  [[nodiscard]] virtual Result<void> get(const EngineSnapshot* at, Family family, std::string_view key,
                                         const ValueVisitor& visit) const = 0;
  [[nodiscard]] virtual std::unique_ptr<Cursor> cursor(const EngineSnapshot* at, Family family) const = 0;
};

/// The way to read: while it lives, the engine is not closed and opened again, so two reads through one Reading belong
/// together. Declare it before its cursors. One thread; a thread may hold several.
class Reading {
 public:
  /// Of the newest committed state, at each read.
  explicit Reading(const Engine& engine) : engine_(engine) { engine_.begin_reading(); }
  /// Of that moment.
  explicit Reading(const EngineSnapshot& at) : engine_(at.engine()), at_(&at) { engine_.begin_reading(); }
  ~Reading() { engine_.end_reading(); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  /// The value as decoded, where it lies, by `decode`: a function of std::string_view that returns a Result. nullopt:
  /// no such key. Errors: those of `decode`; service_unavailable.
  template <class Decode>
  [[nodiscard]] auto get(Family family, std::string_view key, const Decode& decode) const {
    using Decoded = std::invoke_result_t<const Decode&, std::string_view>;
    using Found = std::optional<typename Decoded::value_type>;
    std::optional<Decoded> decoded;
    const auto read = engine_.get(at_, family, key, [&](std::string_view value) { decoded.emplace(decode(value)); });
    if (!read) return Result<Found>(read.error());
    if (!decoded) return Result<Found>(Found{});
    if (!*decoded) return Result<Found>(decoded->error());
    return Result<Found>(Found{std::move(**decoded)});
  }

  [[nodiscard]] std::unique_ptr<Cursor> cursor(Family family) const { return engine_.cursor(at_, family); }

 private:
  const Engine& engine_;
  const EngineSnapshot* at_ = nullptr;
};

}  // namespace twinhub::storage
