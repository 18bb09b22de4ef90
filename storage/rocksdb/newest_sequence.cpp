#include "storage/rocksdb/newest_sequence.hpp"

#include "storage/rocksdb/crc32c.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace twinhub::storage {
namespace {

constexpr std::size_t sequence_bytes = sizeof(std::uint64_t);
constexpr std::size_t file_bytes = sequence_bytes + sizeof(std::uint32_t);

std::array<char, file_bytes> bytes_of(std::uint64_t sequence) {
  std::array<char, file_bytes> bytes{};
  std::memcpy(bytes.data(), &sequence, sequence_bytes);
  const std::uint32_t sum = crc32c(0, {bytes.data(), sequence_bytes});
  std::memcpy(bytes.data() + sequence_bytes, &sum, sizeof sum);
  return bytes;
}

}  // namespace

std::optional<std::uint64_t> read_newest_sequence(rocksdb::Env& env, const std::string& folder) {
  std::string text;
  if (!rocksdb::ReadFileToString(&env, folder + "/" + newest_sequence_file, &text).ok()) return std::nullopt;
  if (text.size() != file_bytes) return std::nullopt;
  std::uint64_t sequence = 0;
  std::memcpy(&sequence, text.data(), sequence_bytes);
  const auto whole = bytes_of(sequence);
  if (text != std::string_view(whole.data(), whole.size())) return std::nullopt;
  return sequence;
}

NewestSequence::NewestSequence(rocksdb::Env& env, const std::string& folder, std::uint64_t sequence) {
  noted_ = sequence;
  const std::string path = folder + "/" + newest_sequence_file;
  if (!env.FileExists(path).ok() && !rocksdb::WriteStringToFile(&env, "", path).ok()) return;
  if (!env.NewRandomRWFile(path, &file_, {}).ok()) {
    file_.reset();
    return;
  }
  note(sequence);
  (void)file_->Sync();
}

void NewestSequence::note(std::uint64_t sequence) {
  noted_ = sequence;
  if (file_ == nullptr) return;
  const auto bytes = bytes_of(sequence);
  (void)file_->Write(0, {bytes.data(), bytes.size()});
}

}  // namespace twinhub::storage
