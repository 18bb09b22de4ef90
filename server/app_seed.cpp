#include "server/app_seed.hpp"

#include "protocol/json/document.hpp"
#include "server/base/log.hpp"
#include "server/cli/import_batch.hpp"
#include "server/cli/import_source.hpp"
#include "server/cli/text_output.hpp"
#include "server/net/certificates.hpp"
#include "storage/backup/files.hpp"
#include "storage/backup/layout.hpp"

#include <sys/stat.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace twinhub {
namespace {

namespace fs = std::filesystem;

Error bad_seed(const std::string& why) { return fail(Errc::argument_invalid, "--seed: " + why); }
/// Some of what reads the file names it already.
Error bad_file(const fs::path& file, const std::string& why) {
  return bad_seed(why.starts_with(file.string()) ? why : file.string() + ": " + why);
}

/// In the store's folder while its seed is being written: when the store is given up for the one before it, so is the mark.
fs::path mark_of(const config::Settings& settings) {
  return fs::path(settings.data_dir) / storage::backup::store_name / "seeding";
}

/// A store in memory is a new one at each start.
Result<void> set_mark(const config::Settings& settings) {
  if (settings.durability == "memory") return {};
  return net::write_file(mark_of(settings), settings.seed + "\n", 0600);
}

/// Regular ones alone: each is read twice, and a pipe would be empty the second time.
Result<std::vector<fs::path>> files_of(const fs::path& seed) {
  std::error_code error;
  if (fs::is_regular_file(seed, error)) return std::vector<fs::path>{seed};
  if (!fs::is_directory(seed, error)) return bad_seed(seed.string() + " cannot be read: it is no file and no folder");
  std::vector<fs::path> files;
  for (auto entry = fs::directory_iterator(seed, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code unknown;  // a link that leads nowhere, or in a circle, is passed over
    if (entry->is_regular_file(unknown) && !entry->path().filename().string().starts_with('.'))
      files.push_back(entry->path());
  }
  if (error) return bad_seed(seed.string() + ": " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

/// Hands each item of the file to `take`.
template <class Take>
Result<void> read_file(const fs::path& file, Take take) {
  auto in = std::make_unique<std::ifstream>(file, std::ios::binary);
  if (!*in) return bad_seed(file.string() + " cannot be read");
  const auto source = cli::ImportSource::open(std::move(in), file.string(), true);
  if (!source) return bad_file(file, source.error().detail);
  while (true) {
    auto item = (*source)->next();
    if (!item) return bad_file(file, item.error().detail);
    if (!*item) return {};
    const std::string place =
        file.string() + ", " + std::string((*source)->unit()) + " " + std::to_string((*item)->number) + ": ";
    auto ready = cli::make_ready(std::move(**item), "");
    if (!ready) return bad_seed(place + ready.error().detail);
    if (const auto taken = take(std::move(*ready)); !taken) return taken;
  }
}

class Sowing {
 public:
  explicit Sowing(hub::BulkRegistry& registry) : registry_(registry) {}

  Result<void> add(cli::ReadyItem item) {
    if (!batch_.takes(item)) {
      if (const auto written = write(); !written) return written;
    }
    batch_.add(std::move(item));
    return {};
  }
  Result<void> write() {
    if (batch_.empty()) return {};
    std::promise<Result<hub::BulkRegistry::Answer>> promise;
    registry_.apply(cli::bulk_body(batch_.items()),
                    [&promise](Result<hub::BulkRegistry::Answer> answer, storage::Outbox&) {
                      promise.set_value(std::move(answer));
                    });
    const auto answer = promise.get_future().get();
    if (!answer) return bad_seed(answer.error().detail);
    if (!answer->successful) return bad_seed(first_problem(answer->json));
    count_ += batch_.items().size();
    batch_.clear();
    return {};
  }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  /// Of a BulkRegistryOperationResult.
  static std::string first_problem(const std::string& text) {
    const auto document = json::parse(text);
    const auto errors = document ? document->root().find("errors") : std::nullopt;
    if (!errors) return "it was refused";
    for (const json::Value error : *errors) {
      const std::string module = cli::text_at(error, "moduleId");
      return cli::text_at(error, "deviceId") + (module.empty() ? "" : "/" + module) + ": " +
             cli::text_at(error, "errorCode") + ": " + cli::text_at(error, "errorStatus");
    }
    return "it was refused";
  }

  hub::BulkRegistry& registry_;
  cli::ImportBatch batch_;
  std::size_t count_ = 0;
};

/// Hands every item of the seed to `take`.
template <class Take>
Result<void> read_seed(const fs::path& seed, Take take) {
  const auto files = files_of(seed);
  if (!files) return files.error();
  for (const fs::path& file : *files) {
    if (const auto read = read_file(file, take); !read) return read;
  }
  return {};
}

}  // namespace

Result<void> check_seed(const config::Settings& settings) {
  if (settings.seed.empty()) return {};
  return read_seed(settings.seed, [](cli::ReadyItem) { return Result<void>(); });
}

Result<std::string> seed_state(const config::Settings& settings) {
  const auto files = files_of(settings.seed);
  if (!files) return files.error();
  storage::backup::Digest digest;
  for (const fs::path& file : *files) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) return bad_seed(file.string() + " cannot be read");
    digest.add(file.string() + '\n' + std::to_string(found.st_size));
    // The second time cannot be set by whoever copies a file with its own.
    for (const timespec& time : {found.st_mtim, found.st_ctim})
      digest.add(' ' + std::to_string(time.tv_sec) + ' ' + std::to_string(time.tv_nsec));
    digest.add(" " + std::to_string(found.st_ino) + "\n");
  }
  return digest.finish().sha256;
}

Result<bool> plant_seed(const config::Settings& settings, hub::BulkRegistry& registry) {
  const fs::path mark = mark_of(settings);
  std::error_code error;
  if (settings.seed.empty()) {
    fs::remove(mark, error);  // who starts the hub without the seed has it as it is: a later start leaves it alone
    return false;
  }
  const auto present = registry.export_lines("", 1, {});
  if (!present) return present.error();
  if (!present->text.empty() && !fs::exists(mark, error)) {
    log::info({.event = "seed_left_out"}, "the hub has devices already; {} is left aside", settings.seed);
    return false;
  }
  if (const auto understood = check_seed(settings); !understood) return understood.error();
  if (const auto marked = set_mark(settings); !marked) return marked.error();
  Sowing sowing(registry);
  const auto add = [&sowing](cli::ReadyItem item) { return sowing.add(std::move(item)); };
  if (const auto read = read_seed(settings.seed, add); !read) return read.error();
  if (const auto written = sowing.write(); !written) return written.error();
  fs::remove(mark, error);
  log::info({.event = "seeded", .count = sowing.count()}, "{} devices and modules of {} are there", sowing.count(),
            settings.seed);
  return true;
}

}  // namespace twinhub
