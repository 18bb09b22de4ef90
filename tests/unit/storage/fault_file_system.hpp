// A file system under the real RocksDB that refuses on demand, stops before a sync, and knows what a power cut would
// leave.
//
// Not simulated: loss of directory entries, torn sectors, and a disk that lies about its syncs.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace twinhub::storage::testing {

class FaultFileSystem : public rocksdb::FileSystemWrapper {
 public:
  FaultFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultFileSystem"; }

  /// Appends to (syncs of) the write-ahead log answer this until it is cleared.
  void fail_log_appends(std::optional<rocksdb::IOStatus> status);
  void fail_log_syncs(std::optional<rocksdb::IOStatus> status);
  /// While held, a sync of the write-ahead log does not return.
  void hold_log_syncs();
  void release_log_syncs();
  /// Waits until a sync is held.
  void wait_for_held_sync();
  /// Waits until an append or sync was refused since the last call.
  void wait_for_refusal();

  /// Copies into `target` what a power cut right now would leave of `source`: each file up to its last completed sync.
  void copy_after_power_cut(const std::filesystem::path& source, const std::filesystem::path& target);

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  class File;

  // Called by File.
  rocksdb::IOStatus append(const std::string& name, const std::function<rocksdb::IOStatus()>& work);
  rocksdb::IOStatus sync(const std::string& name, std::uint64_t length, const std::function<rocksdb::IOStatus()>& work);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<rocksdb::IOStatus> append_fault_;  // guarded by mutex_, as all below
  std::optional<rocksdb::IOStatus> sync_fault_;
  bool hold_ = false;
  bool holding_ = false;
  bool refused_ = false;
  std::map<std::string, std::uint64_t> synced_bytes_;  // by path
};

}  // namespace twinhub::storage::testing
