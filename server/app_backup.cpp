#include "server/app_backup.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/text.hpp"
#include "server/base/log.hpp"

#include <exception>
#include <utility>

namespace twinhub {
namespace {

namespace backup = storage::backup;

constexpr std::size_t path_bytes_max = 4096;

ops::Page json_page(unsigned status, std::string body) {
  return {status, "application/json; charset=utf-8", std::move(body) + "\n"};
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
  json::append_key(out, name);
  json::append_string(out, json::to_utf8(text));
}

void append_number(std::string& out, std::string_view name, std::uint64_t number) {
  json::append_key(out, name);
  out += std::to_string(number);
}

ops::Page refusal(unsigned status, std::string_view why) {
  std::string body = "{";
  append_text(body, "error", why);
  return json_page(status, body + "}");
}

std::string outcome_of(const backup::Made& made) {
  std::string out = ",";
  append_text(out, "folder", made.folder.string());
  out += ',';
  append_number(out, "linkedBytes", made.linked_bytes);
  out += ",\"leftOut\":[";
  for (const std::string& path : made.left_out) {
    if (out.back() != '[') out += ',';
    json::append_string(out, json::to_utf8(path));
  }
  return out + "]";
}

std::int64_t unix_seconds(Timestamp at) {
  return static_cast<std::int64_t>((at.ticks - timestamp_from_unix(0).ticks) / ticks_per_second);
}

}  // namespace

Backups::Backups(storage::Cut& store, const hub::Clock& clock, std::filesystem::path data_folder, std::string hub_name)
    : store_(store),
      clock_(clock),
      data_folder_(std::filesystem::absolute(data_folder).lexically_normal()),
      hub_name_(std::move(hub_name)) {
  if (const auto removed = backup::remove_scratch(data_folder_); !removed)
    log::warn({.event = "backup_scratch"}, "{}", removed.error().detail);
}

Backups::~Backups() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

ops::Page Backups::begin(std::string_view query) {
  constexpr std::string_view to_key = "to=";
  if (!query.starts_with(to_key) || query.size() == to_key.size() || query.size() > path_bytes_max ||
      query.find('&') != std::string_view::npos)
    return refusal(400, "say where to: POST /backup?to=FOLDER, percent-encoded");
  const std::string to = iothub::percent_decode(query.substr(to_key.size()));
  if (to.find('\0') != std::string::npos) return refusal(400, "a path has no zero byte");
  const std::string id = to_iso8601(clock_.now());
  if (!claim(id)) return refusal(409, "another backup of this hub is under way");
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this, to] { run(to); });
  std::string body = "{";
  append_text(body, "id", id);
  return json_page(202, body + "}");
}

ops::Page Backups::unauthorized() {
  return refusal(
      401,
      "a backup is ordered with a token of a policy that has RegistryRead and RegistryWrite, or with that of "
      "ops.token");
}

bool Backups::claim(const std::string& id) {
  const MutexLock lock(mutex_);
  if (stopping_ || state_ == "running") return false;
  id_ = id;
  state_ = "running";
  progress_ = {};
  outcome_.clear();
  return true;
}

void Backups::run(const std::filesystem::path& to) {
  log::info({.event = "backup_started"}, "backup into {} begins", to.string());
  const Timestamp now = clock_.wall();
  const auto made = [&]() -> Result<backup::Made> {
    try {
      return backup::make_backup(store_, {data_folder_, to.lexically_normal(), hub_name_, now},
                                 [this](const backup::Progress& progress) { return note(progress); });
    } catch (const std::exception& error) {
      return fail(Errc::server_error, error.what());
    }
  }();
  if (made) {
    log::info({.event = "backup_done"}, "backup {}: {} files, {} bytes, {} of them as links to the backup before",
              made->folder.string(), made->files, made->bytes, made->linked_bytes);
  } else {
    log::error({.event = "backup_failed"}, "the backup into {} has failed: {}", to.string(), made.error().detail);
  }
  const MutexLock lock(mutex_);
  state_ = made ? "done" : "failed";
  ++(made ? made_ : failed_);
  if (made) {
    newest_ = unix_seconds(now);
    progress_.files_total = progress_.files = made->files;
    progress_.bytes_total = progress_.bytes = made->bytes;
    outcome_ = outcome_of(*made);
  } else {
    outcome_ = ",";
    append_text(outcome_, "error", made.error().detail);
  }
}

bool Backups::note(const backup::Progress& progress) {
  const MutexLock lock(mutex_);
  progress_ = progress;
  return !stopping_;
}

bool Backups::is_running() const {
  const MutexLock lock(mutex_);
  return state_ == "running";
}

ops::Page Backups::state() const {
  const MutexLock lock(mutex_);
  std::string body = "{";
  append_text(body, "id", id_);
  body += ',';
  append_text(body, "state", state_);
  for (const auto& [name, number] : {std::pair{"files", std::uint64_t{progress_.files}},
                                     {"filesTotal", std::uint64_t{progress_.files_total}},
                                     {"bytes", progress_.bytes},
                                     {"bytesTotal", progress_.bytes_total}}) {
    body += ',';
    append_number(body, name, number);
  }
  return json_page(200, body + outcome_ + "}");
}

std::vector<ops::Figure> Backups::figures() const {
  const MutexLock lock(mutex_);
  return {{"twinhub_backups_total", "Backups made since the start.", static_cast<double>(made_), true},
          {"twinhub_backups_failed_total", "Backups that failed since the start.", static_cast<double>(failed_), true},
          {"twinhub_backup_newest_timestamp_seconds",
           "When the newest backup since the start was begun, Unix time; 0 = none.", static_cast<double>(newest_)}};
}

}  // namespace twinhub
