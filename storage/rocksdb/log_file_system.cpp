#include "storage/rocksdb/log_file_system.hpp"

#include <rocksdb/file_system.h>
#include <algorithm>
#include <string_view>
#include <utility>

namespace twinhub::storage {
namespace {

// Each step is a call of fallocate(2) before a sync, and as many bytes that a start after a crash may read in vain.
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
    if (status.ok() && is_log(name)) {
      note_newest(name, options);
      *result = std::make_unique<LogFile>(std::move(*result));
    }
    return status;
  }

 private:
  /// A disk that refuses leaves the number of an older log there: then a newest log that is taken away is not noticed.
  void note_newest(const std::string& log, const rocksdb::FileOptions& options) {
    const std::size_t slash = log.rfind('/');
    if (slash == std::string::npos) return;
    const std::string folder = log.substr(0, slash);
    std::unique_ptr<rocksdb::FSDirectory> directory;
    const auto sync_folder = [&] {
      return (directory != nullptr || NewDirectory(folder, options.io_options, &directory, nullptr).ok()) &&
             directory->Fsync(options.io_options, nullptr).ok();
    };
    if (!sync_folder()) return;
    const std::string trial = folder + "/newest-log.dbtmp";  // RocksDB clears *.dbtmp away when it opens
    const std::string number = log.substr(slash + 1, log.size() - slash - 1 - std::string_view(".log").size());
    if (!rocksdb::WriteStringToFile(this, number, trial, true).ok()) return;
    if (!RenameFile(trial, folder + "/" + newest_log_file, options.io_options, nullptr).ok()) return;
    (void)sync_folder();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_log_growing_env(rocksdb::Env* env) {
  const auto& files = (env != nullptr ? env : rocksdb::Env::Default())->GetFileSystem();
  return rocksdb::NewCompositeEnv(std::make_shared<LogFileSystem>(files));
}

}  // namespace twinhub::storage
