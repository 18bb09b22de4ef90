#include "storage/backup/make.hpp"

#include "storage/backup/files.hpp"
#include "storage/backup/layout.hpp"
#include "storage/backup/manifest.hpp"
#include "storage/folder_lock.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace twinhub::storage::backup {
namespace {

namespace fs = std::filesystem;

// The hub's own files beside the store are small, and all of them are taken at the moment of the checkpoint. Others, as
// the files of endpoints, are copied afterwards.
constexpr std::uint64_t small_file_bytes_max = 1U << 20;
constexpr std::uint64_t small_files_bytes_max = 16U << 20;  // together

bool stands_in(const fs::path& inner, const fs::path& outer) {
  std::error_code error;
  const fs::path from_outer = fs::weakly_canonical(inner, error).lexically_relative(fs::weakly_canonical(outer, error));
  return !error && !from_outer.empty() && *from_outer.begin() != "..";
}

/// Whoever may change the names in the folder could have the hub restored from files of theirs.
Result<void> prepare(const Order& order) {
  const fs::path& folder = order.backups;
  const auto unusable = [&folder](const std::string& why) {
    return fail(Errc::argument_invalid, "backups cannot go to " + folder.string() + ": " + why);
  };
  if (!folder.is_absolute()) return unusable("the path has to be absolute");
  if (stands_in(folder, order.data_folder)) return unusable("it stands in the data folder, and would be lost with it");
  if (const auto made = make_folder(folder); !made)
    return unusable("the hub, user " + std::to_string(::geteuid()) +
                    " on its own machine, cannot make it: " + made.error().detail);
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0) return file_error(folder, "read", errno);
  if (found.st_uid != ::geteuid())
    return unusable("it belongs to user " + std::to_string(found.st_uid) + ", the hub runs as user " +
                    std::to_string(::geteuid()) + "; give the hub a folder of its own");
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return unusable("other users may change it; close it with: chmod go-w " + folder.string());
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) return file_error(folder, "written", errno);
  return {};
}

class Maker {
 public:
  Maker(Cut& store, const Order& order, const OnProgress& on_progress)
      : store_(store),
        order_(order),
        on_progress_(on_progress),
        unfinished_(order.backups / unfinished_name),
        scratch_(order.data_folder / scratch_name) {}

  Result<Made> run() {
    const FolderLock lock(order_.backups);  // one backup at a time goes into it
    if (const int why = lock.take(); why != 0) {
      if (why == EWOULDBLOCK)
        return fail(Errc::job_already_exists, "another backup into " + order_.backups.string() + " is under way");
      return file_error(order_.backups, "locked", why);
    }
    auto made = make();
    (void)remove_scratch(order_.data_folder);
    if (!made) (void)remove_tree(unfinished_);
    return made;
  }

 private:
  struct Source {
    std::string path;  ///< in the data folder
    fs::path file;
    std::uint64_t bytes = 0;
    std::optional<std::string> text = std::nullopt;  ///< when it was taken with the checkpoint
    bool may_go = false;
  };

  Result<Made> make() {
    if (const auto cleared = remove_tree(unfinished_); !cleared) return cleared.error();
    if (const auto cleared = remove_scratch(order_.data_folder); !cleared) return cleared.error();
    for (const fs::path& folder : {scratch_, unfinished_, unfinished_ / data_name}) {
      if (const auto made = make_folder_in_tree(folder); !made) return made.error();
    }
    const auto cut = store_.checkpoint(scratch_ / store_name, [this] { return gather_beside_store(); });
    if (!cut) return cut.error();
    if (const auto gathered = gather_store(); !gathered) return gathered.error();
    look_at_backup_before();

    progress_.files_total = sources_.size();
    for (const Source& source : sources_) progress_.bytes_total += source.bytes;
    for (const Source& source : sources_) {
      if (const auto taken = take(source); !taken) return taken.error();
      ++progress_.files;
      if (!go_on(0)) return fail(Errc::service_unavailable, "the backup was stopped before its end");
    }
    return finish();
  }

  /// While commits are held.
  Result<void> gather_beside_store() {
    std::error_code error;
    std::uint64_t in_memory = 0;
    for (fs::recursive_directory_iterator at(order_.data_folder, error), end; !error && at != end;
         at.increment(error)) {
      const std::string path = at->path().lexically_relative(order_.data_folder).string();
      if (path == store_name || path == snapshots_name || path == scratch_name || path == volume_folder_name ||
          path == next_store_name || path == old_store_name)
        at.disable_recursion_pending();
      std::error_code gone;
      if (at->is_symlink(gone) && at->is_directory(gone) && path != store_name)
        return fail(Errc::argument_invalid, "nothing follows the link to a folder " + at->path().string() +
                                                ": put the folder itself there, or it would be missing in backups");
      if (path == hub_file_name) continue;  // where this hub is: a restored one is elsewhere
      // What is being written anew, under another name at first, is not there yet.
      if (!at->is_regular_file(gone) || path == store_name || path.ends_with(".new")) continue;
      Source source{path, at->path(), at->file_size(gone)};
      if (gone) continue;
      source.may_go = true;
      if (source.bytes <= small_file_bytes_max && in_memory + source.bytes <= small_files_bytes_max) {
        auto text = read_small_file(source.file, small_file_bytes_max);
        if (!text && !fs::exists(source.file, gone)) continue;
        if (!text) return text.error();
        source.bytes = text->size();
        in_memory += source.bytes;
        source.text = std::move(*text);
      }
      sources_.push_back(std::move(source));
    }
    if (error) return file_error(order_.data_folder, "read", error.value());
    return {};
  }

  Result<void> gather_store() {
    std::error_code error;
    for (fs::directory_iterator at(scratch_ / store_name, error), end; !error && at != end; at.increment(error)) {
      const std::uint64_t bytes = at->file_size(error);
      if (error) break;
      sources_.push_back({std::string(store_name) + "/" + at->path().filename().string(), at->path(), bytes});
    }
    if (error) return file_error(scratch_, "read", error.value());
    return {};
  }

  void look_at_backup_before() {
    const auto names = backup_names(order_.backups);
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      auto found = open_backup(order_.backups / *name);
      if (!found) continue;  // damaged: an older one may do
      before_ = found->folder / data_name;
      for (ManifestFile& file : found->manifest.files) contents_before_[file.path] = std::move(file.content);
      return;
    }
  }

  Result<void> take(const Source& source) {
    const fs::path to = unfinished_ / data_name / source.path;
    if (const auto made = make_folder_in_tree(to.parent_path()); !made) return made;
    if (const auto content = link_to_backup_before(source, to)) return note(source.path, *content);
    const auto copied = source.text ? write_new_file(to, *source.text) : copy_file(source.file, to, counting());
    std::error_code ignored;
    if (!copied && source.may_go && !fs::exists(source.file, ignored)) {
      made_.left_out.push_back(source.path);
      return remove_tree(to);
    }
    if (!copied) return copied.error();
    if (source.text) (void)go_on(source.bytes);
    return note(source.path, *copied);
  }

  /// nullopt: it has no such file, or one with another content; the file has to be copied.
  std::optional<Content> link_to_backup_before(const Source& source, const fs::path& to) {
    const auto before = contents_before_.find(source.path);
    if (before == contents_before_.end() || before->second.bytes != source.bytes || source.bytes == 0)
      return std::nullopt;
    std::error_code error;
    if (fs::file_size(before_ / source.path, error) != source.bytes || error) return std::nullopt;
    const Progress at_first = progress_;
    const auto content = source.text ? content_of_text(*source.text) : content_of(source.file, counting());
    const bool is_same = content && *content == before->second;
    // Another file system has no links, and a file has 65,000 of them at most on some.
    if (!is_same || ::link((before_ / source.path).c_str(), to.c_str()) != 0) {
      progress_ = at_first;
      return std::nullopt;
    }
    if (source.text) (void)go_on(source.bytes);
    made_.linked_bytes += source.bytes;
    return *content;
  }

  static Result<Content> content_of_text(std::string_view text) {
    Digest digest;
    digest.add(text);
    return digest.finish();
  }

  Result<void> note(const std::string& path, const Content& content) {
    manifest_.files.push_back({path, content});
    ++made_.files;
    made_.bytes += content.bytes;
    return {};
  }

  /// Every name and byte is durable before the manifest says so, and that before the backup has a name.
  Result<Made> finish() {
    manifest_.made = to_iso8601(order_.now);
    manifest_.hub = order_.hub;
    if (const auto synced = sync_folders(unfinished_); !synced) return synced.error();
    if (const auto written = write_new_file(unfinished_ / manifest_name, manifest_text(manifest_)); !written)
      return written.error();
    if (const auto synced = sync_folder(unfinished_); !synced) return synced.error();
    made_.folder = order_.backups / next_backup_name(order_.backups, order_.now);
    if (::rename(unfinished_.c_str(), made_.folder.c_str()) != 0) return file_error(made_.folder, "made", errno);
    if (const auto synced = sync_folder(order_.backups); !synced) return synced.error();
    return made_;
  }

  bool go_on(std::uint64_t bytes) {
    progress_.bytes += bytes;
    return !on_progress_ || on_progress_(progress_);
  }
  OnBytes counting() {
    return [this](std::uint64_t bytes) { return go_on(bytes); };
  }

  Cut& store_;
  const Order& order_;
  const OnProgress& on_progress_;
  const fs::path unfinished_, scratch_;
  std::vector<Source> sources_;
  fs::path before_;
  std::map<std::string, Content, std::less<>> contents_before_;
  Progress progress_;
  Manifest manifest_;
  Made made_;
};

}  // namespace

Result<Made> make_backup(Cut& store, const Order& order, const OnProgress& on_progress) {
  if (const auto prepared = prepare(order); !prepared) return prepared.error();
  return Maker(store, order, on_progress).run();
}

Result<void> remove_scratch(const fs::path& data_folder) { return remove_tree(data_folder / scratch_name); }

}  // namespace twinhub::storage::backup
