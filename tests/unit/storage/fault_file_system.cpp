#include "tests/unit/storage/fault_file_system.hpp"

#include "storage/rocksdb/newest_sequence.hpp"

#include <utility>

namespace twinhub::storage::testing {
namespace {

bool is_log(const std::string& name) { return name.ends_with(".log"); }

}  // namespace

class FaultFileSystem::File : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(FaultFileSystem& system, std::string name, std::unique_ptr<rocksdb::FSWritableFile>&& target)
      : FSWritableFileOwnerWrapper(std::move(target)), system_(system), name_(std::move(name)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    return system_.append(name_, [&] { return FSWritableFileOwnerWrapper::Append(data, options, debug); });
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification, rocksdb::IODebugContext* debug) override {
    return system_.append(name_,
                          [&] { return FSWritableFileOwnerWrapper::Append(data, options, verification, debug); });
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return system_.sync(name_, GetFileSize(options, debug),
                        [&] { return FSWritableFileOwnerWrapper::Sync(options, debug); });
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return system_.sync(name_, GetFileSize(options, debug),
                        [&] { return FSWritableFileOwnerWrapper::Fsync(options, debug); });
  }
  // Syncs a part that the caller need not remember: counting it as not synced is the harsher test.

 private:
  FaultFileSystem& system_;
  const std::string name_;
};

void FaultFileSystem::fail_log_appends(std::optional<rocksdb::IOStatus> status) {
  const std::lock_guard lock(mutex_);
  append_fault_ = std::move(status);
}

void FaultFileSystem::fail_log_syncs(std::optional<rocksdb::IOStatus> status) {
  const std::lock_guard lock(mutex_);
  sync_fault_ = std::move(status);
}

void FaultFileSystem::hold_log_syncs() {
  const std::lock_guard lock(mutex_);
  hold_ = true;
}

void FaultFileSystem::release_log_syncs() {
  const std::lock_guard lock(mutex_);
  hold_ = false;
  changed_.notify_all();
}

void FaultFileSystem::wait_for_held_sync() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return holding_; });
}

void FaultFileSystem::wait_for_refusal() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return refused_; });
  refused_ = false;
}

rocksdb::IOStatus FaultFileSystem::append(const std::string& name, const std::function<rocksdb::IOStatus()>& work) {
  const std::lock_guard lock(mutex_);  // no file changes while a power cut is copied
  if (append_fault_ && is_log(name)) {
    refused_ = true;
    changed_.notify_all();
    return *append_fault_;
  }
  return work();
}

rocksdb::IOStatus FaultFileSystem::sync(const std::string& name, std::uint64_t length,
                                        const std::function<rocksdb::IOStatus()>& work) {
  {
    std::unique_lock lock(mutex_);
    if (hold_ && is_log(name)) {
      holding_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !hold_; });
      holding_ = false;
    }
    if (sync_fault_ && is_log(name)) {
      refused_ = true;
      changed_.notify_all();
      return *sync_fault_;
    }
  }
  auto status = work();
  const std::lock_guard lock(mutex_);
  if (status.ok()) synced_bytes_[name] = length;
  return status;
}

void FaultFileSystem::copy_after_power_cut(const std::filesystem::path& source, const std::filesystem::path& target) {
  const std::lock_guard lock(mutex_);
  std::filesystem::create_directories(target);
  for (const auto& entry : std::filesystem::directory_iterator(source)) {
    if (!entry.is_regular_file()) continue;
    const auto copy = target / entry.path().filename();
    std::filesystem::copy_file(entry.path(), copy);
    // Never synced, and yet the kernel may have written any of it: the newest is the hardest to live up to.
    if (copy.filename() == newest_sequence_file) continue;
    const auto synced = synced_bytes_.find(entry.path().string());
    std::filesystem::resize_file(copy, synced == synced_bytes_.end() ? 0 : synced->second);
    // Room that was made in advance reads as zeros.
    if (is_log(copy.string()) && synced != synced_bytes_.end()) std::filesystem::resize_file(copy, entry.file_size());
  }
}

rocksdb::IOStatus FaultFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                   std::unique_ptr<rocksdb::FSWritableFile>* result,
                                                   rocksdb::IODebugContext* debug) {
  const std::lock_guard lock(mutex_);
  auto status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  if (!status.ok()) return status;
  synced_bytes_[name] = 0;
  result->reset(new File(*this, name, std::move(*result)));
  return status;
}

rocksdb::IOStatus FaultFileSystem::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                                      rocksdb::IODebugContext* debug) {
  const std::lock_guard lock(mutex_);
  auto status = FileSystemWrapper::ReopenWritableFile(name, options, result, debug);
  if (status.ok()) result->reset(new File(*this, name, std::move(*result)));
  return status;
}

rocksdb::IOStatus FaultFileSystem::ReuseWritableFile(const std::string& name, const std::string& old_name,
                                                     const rocksdb::FileOptions& options,
                                                     std::unique_ptr<rocksdb::FSWritableFile>* result,
                                                     rocksdb::IODebugContext* debug) {
  const std::lock_guard lock(mutex_);
  auto status = FileSystemWrapper::ReuseWritableFile(name, old_name, options, result, debug);
  if (!status.ok()) return status;
  synced_bytes_.erase(old_name);
  synced_bytes_[name] = 0;
  result->reset(new File(*this, name, std::move(*result)));
  return status;
}

rocksdb::IOStatus FaultFileSystem::RenameFile(const std::string& from, const std::string& to,
                                              const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) {
  const std::lock_guard lock(mutex_);
  auto status = FileSystemWrapper::RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  if (const auto known = synced_bytes_.find(from); known != synced_bytes_.end()) {
    const auto synced = known->second;
    synced_bytes_.erase(known);
    synced_bytes_[to] = synced;
  }
  return status;
}

rocksdb::IOStatus FaultFileSystem::DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                                              rocksdb::IODebugContext* debug) {
  const std::lock_guard lock(mutex_);
  auto status = FileSystemWrapper::DeleteFile(name, options, debug);
  if (status.ok()) synced_bytes_.erase(name);
  return status;
}

}  // namespace twinhub::storage::testing
