#include "storage/backup/manifest.hpp"

#include "protocol/percent.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace twinhub::storage::backup {
namespace {

constexpr std::string_view head = "twinhub-backup ";
constexpr std::string_view version = "1";
constexpr std::string_view made_word = "made ", hub_word = "hub ", file_word = "file ", whole_word = "whole ";
constexpr std::size_t sha256_digits = 64;

std::string encode(std::string_view path) {
  std::string encoded;
  for (const char c : path) {
    if (c > ' ' && c <= '~' && c != '%') {
      encoded += c;
    } else {
      append_percent_encoded(encoded, c);
    }
  }
  return encoded;
}

std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) return std::nullopt;
    decoded += static_cast<char>(byte);
    at += 2;
  }
  return decoded;
}

/// Takes a line off the front; nullopt: there is no whole one.
std::optional<std::string_view> next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

/// What stands behind `word` in the next line.
std::optional<std::string> next_field(std::string_view& text, std::string_view word) {
  const auto line = next_line(text);
  if (!line || !line->starts_with(word)) return std::nullopt;
  return std::string(line->substr(word.size()));
}

std::optional<ManifestFile> parse_file(std::string_view line) {
  ManifestFile file;
  if (!line.starts_with(file_word)) return std::nullopt;
  line.remove_prefix(file_word.size());
  file.content.sha256 = line.substr(0, sha256_digits);
  const bool is_hex = std::all_of(file.content.sha256.begin(), file.content.sha256.end(),
                                  [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!is_hex || line.size() <= sha256_digits || line[sha256_digits] != ' ') return std::nullopt;
  line.remove_prefix(sha256_digits + 1);
  const std::string_view bytes = line.substr(0, line.find(' '));
  const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), file.content.bytes);
  if (error != std::errc{} || end != bytes.data() + bytes.size() || bytes.size() == line.size()) return std::nullopt;
  const auto path = decode(line.substr(bytes.size() + 1));
  if (!path || !is_inner_path(*path)) return std::nullopt;
  file.path = *path;
  return file;
}

std::string sha256_of(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.finish().sha256;
}

Error broken() { return fail(Errc::service_unavailable, "its manifest is damaged or was cut short"); }

}  // namespace

bool is_inner_path(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  while (true) {
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    if (part.size() == path.size()) return true;
    path.remove_prefix(part.size() + 1);
  }
}

std::string manifest_text(const Manifest& manifest) {
  const auto line = [](std::string_view word, std::string_view rest) {
    return std::string(word).append(rest).append("\n");
  };
  std::string text = line(head, version) + line(made_word, manifest.made) + line(hub_word, manifest.hub);
  for (const ManifestFile& file : manifest.files)
    text += line(file_word, file.content.sha256 + " " + std::to_string(file.content.bytes) + " " + encode(file.path));
  return text + line(whole_word, sha256_of(text));
}

Result<Manifest> parse_manifest(std::string_view text) {
  const std::string_view whole = text;
  const auto found_version = next_field(text, head);
  if (!found_version) return broken();
  if (*found_version != version)
    return fail(Errc::service_unavailable, "it was made by a newer version of twinhub: use that one");
  const auto made = next_field(text, made_word), hub = next_field(text, hub_word);
  if (!made || !hub) return broken();
  Manifest manifest{*made, *hub, {}};
  while (true) {
    const std::size_t read = whole.size() - text.size();
    const auto line = next_line(text);
    if (!line) return broken();
    if (line->starts_with(whole_word)) {
      if (!text.empty() || line->substr(whole_word.size()) != sha256_of(whole.substr(0, read))) return broken();
      return manifest;
    }
    auto file = parse_file(*line);
    if (!file) return broken();
    manifest.files.push_back(std::move(*file));
  }
}

}  // namespace twinhub::storage::backup
