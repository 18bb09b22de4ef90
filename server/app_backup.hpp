// Backups of the running hub, ordered over the operations port: POST /backup?to=FOLDER, and GET /backup, which says how
// far the last one has come.
#pragma once

#include "protocol/error.hpp"
#include "server/base/clock.hpp"
#include "server/ops/metrics.hpp"
#include "server/ops/ops_door.hpp"
#include "storage/backup/make.hpp"
#include "storage/cut.hpp"
#include "storage/guarded.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace twinhub {

/// Makes one backup at a time, on a thread of its own. Any thread.
class Backups {
 public:
  /// `store` is that of the store in `data_folder`/db; both references outlive this. Removes what a backup that was cut short has
  /// left in the data folder.
  Backups(storage::Cut& store, const hub::Clock& clock, std::filesystem::path data_folder, std::string hub_name);
  /// Stops the one under way.
  ~Backups();
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  /// `query`: "to=FOLDER", percent-encoded; on the hub's machine, absolute. 202 {"id":"..."}; 409 while one is under way.
  [[nodiscard]] ops::Page begin(std::string_view query);
  /// For an order without a key.
  [[nodiscard]] static ops::Page unauthorized();
  /// {"id":"","state":"none"|"running"|"done"|"failed", and what belongs to that}.
  [[nodiscard]] ops::Page state() const;
  [[nodiscard]] bool is_running() const;
  [[nodiscard]] std::vector<ops::Figure> figures() const;

 private:
  void run(const std::filesystem::path& to);
  [[nodiscard]] bool note(const storage::backup::Progress& progress);
  [[nodiscard]] bool claim(const std::string& id);

  storage::Cut& store_;
  const hub::Clock& clock_;
  const std::filesystem::path data_folder_;
  const std::string hub_name_;

  mutable Mutex mutex_;
  std::string id_ GUARDED_BY(mutex_);  ///< of the last one
  std::string state_ GUARDED_BY(mutex_) = "none";
  storage::backup::Progress progress_ GUARDED_BY(mutex_);
  std::string outcome_ GUARDED_BY(mutex_);  ///< members of the JSON object, behind a comma
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::uint64_t made_ GUARDED_BY(mutex_) = 0;
  std::uint64_t failed_ GUARDED_BY(mutex_) = 0;
  std::int64_t newest_ GUARDED_BY(mutex_) = 0;  ///< seconds of Unix time
  std::thread thread_;                          // begin() and the destructor only: one thread at a time
};

}  // namespace twinhub
