#include "storage/rocksdb/lost_logs.hpp"

#include "storage/durable_folder.hpp"
#include "storage/rocksdb/log_file_system.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace twinhub::storage {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> number_at(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return number;
}

Error log_error(const std::string& file, const char* cannot, const std::error_code& error) {
  return fail(Errc::service_unavailable, "the damaged log " + file + " cannot be " + cannot + ": " + error.message());
}

}  // namespace

std::vector<LogFileName> log_files(rocksdb::Env& env, const std::string& folder) {
  std::vector<std::string> names;
  std::vector<LogFileName> logs;
  if (!env.GetChildren(folder, &names).ok()) return logs;
  for (std::string& name : names) {
    const bool is_log = name.size() > 4 && name.ends_with(".log") &&
                        std::all_of(name.begin(), name.end() - 4, [](char c) { return c >= '0' && c <= '9'; });
    const auto number = is_log ? number_at(name) : std::nullopt;
    if (number) logs.push_back({*number, std::move(name)});
  }
  std::sort(logs.begin(), logs.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  return logs;
}

std::optional<std::uint64_t> log_that_is_gone(const rocksdb::Status& status) {
  if (!status.IsCorruption()) return std::nullopt;
  const std::string text = status.ToString();
  const std::string_view words = text;
  constexpr std::string_view before_number = "log number: ";  // of a missing log, and of one that is too short
  const std::size_t at = words.find(before_number);
  if (at == std::string_view::npos || words.find("WAL") > at) return std::nullopt;
  return number_at(words.substr(at + before_number.size()));
}

std::optional<std::uint64_t> newest_log_that_is_gone(rocksdb::Env& env, const std::string& folder) {
  std::string text;
  if (!rocksdb::ReadFileToString(&env, folder + "/" + newest_log_file, &text).ok()) return std::nullopt;
  const auto newest = number_at(text);
  if (!newest) return std::nullopt;
  const auto logs = log_files(env, folder);
  if (!logs.empty() && logs.back().number >= *newest) return std::nullopt;
  return newest;
}

std::string log_name(std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return digits + ".log";
}

namespace {

/// A file as durable as what it is to replace.
std::error_code make_durable(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {errno, std::generic_category()};
  const std::error_code error =
      ::fsync(descriptor) == 0 ? std::error_code() : std::error_code(errno, std::generic_category());
  ::close(descriptor);
  return error;
}

}  // namespace

Result<void> keep_logs(const std::string& folder, const std::vector<std::string>& files) {
  std::size_t number = 1;
  for (const std::string& file : files) {
    const auto kept = [&] { return fs::path(folder) / ("lost-" + std::to_string(number) + ".log"); };
    std::error_code error;
    while (fs::exists(kept(), error)) ++number;
    if (!error) fs::copy_file(fs::path(folder) / file, kept(), error);
    if (!error) error = make_durable(kept());
    if (error) return log_error(file, "kept", error);
  }
  if (const auto error = sync_folder(folder)) return log_error(folder, "kept", error);
  return {};
}

Result<void> cut_log(const std::string& folder, const std::string& file, std::uint64_t bytes) {
  std::error_code error;
  fs::resize_file(fs::path(folder) / file, bytes, error);
  if (!error) error = make_durable(fs::path(folder) / file);
  if (error) return log_error(file, "cut", error);
  return {};
}

Result<void> remove_logs(const std::string& folder, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    std::error_code error;
    fs::remove(fs::path(folder) / file, error);
    if (error) return log_error(file, "moved", error);
  }
  return {};
}

}  // namespace twinhub::storage
