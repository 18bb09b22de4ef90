#include "storage/log_file_system.hpp"

#include <rocksdb/file_system.h>
#include <algorithm>
#include <string_view>
#include <utility>

namespace twinhub::storage {
namespace {

// Each step is a call of fallocate(2) before a sync, and what a start after a crash may read in vain.
constexpr std::size_t log_growth_bytes = 8U << 20;

bool is_log(std::string_view name) { return name.ends_with(".log"); }

class LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;
  /// RocksDB would take the size of a memtable.
  void SetPreallocationBlockSize(std::size_t size) override {
    FSWritableFileOwnerWrapper::SetPreallocationBlockSize(std::min(size, log_growth_bytes));
  }
};

class LogFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "LogFileSystem"; }

  rocksdb::FileOptions OptimizeForLogWrite(const rocksdb::FileOptions& options,
                                           const rocksdb::DBOptions& database) const override {
    auto log = FileSystemWrapper::OptimizeForLogWrite(options, database);
    log.fallocate_with_keep_size = false;
    return log;
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    auto status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
    if (status.ok() && is_log(name)) *result = std::make_unique<LogFile>(std::move(*result));
    return status;
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_log_growing_env(rocksdb::Env* env) {
  const auto& files = (env != nullptr ? env : rocksdb::Env::Default())->GetFileSystem();
  return rocksdb::NewCompositeEnv(std::make_shared<LogFileSystem>(files));
}

}  // namespace twinhub::storage
