#include "storage/rocksdb/engine_log.hpp"

#include "storage/guarded.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <system_error>

namespace twinhub::storage {
namespace {

constexpr std::size_t bytes_max = 4U << 20;

class EngineLog final : public rocksdb::Logger {
 public:
  explicit EngineLog(const std::filesystem::path& file) : Logger(rocksdb::WARN_LEVEL) {
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error))
      std::filesystem::rename(file, std::filesystem::path(file) += ".old", error);
    file_.reset(std::fopen(file.c_str(), "ae"));
  }

  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, 1024> line{};
    if (std::vsnprintf(line.data(), line.size(), format, arguments) < 0) return;
    std::array<char, 32> time{};
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::strftime(time.data(), time.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    const MutexLock lock(mutex_);
    if (!file_ || written_ > bytes_max) return;
    const int written = std::fprintf(file_.get(), "%s %s\n", time.data(), line.data());
    if (written > 0) written_ += static_cast<std::size_t>(written);
    (void)std::fflush(file_.get());
    std::clearerr(file_.get());
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  Mutex mutex_;
  std::unique_ptr<std::FILE, Close> file_ GUARDED_BY(mutex_);  // null when it cannot be opened
  std::size_t written_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> make_engine_log(const std::filesystem::path& file) {
  return std::make_shared<EngineLog>(file);
}

}  // namespace twinhub::storage
