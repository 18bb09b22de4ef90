#include "server/events/cursors.hpp"

#include <algorithm>
#include <future>

namespace twinhub::events {
namespace {

constexpr char format = 1;

std::string value_of(std::uint64_t position) {
  std::string value(1, format);
  for (int shift = 0; shift < 64; shift += 8) value += static_cast<char>(position >> shift & 0xFF);
  return value;
}

std::optional<std::uint64_t> position_of(std::string_view value) {
  if (value.size() != 9 || value.front() != format) return std::nullopt;
  std::uint64_t position = 0;
  for (std::size_t i = 8; i > 0; --i) position = position << 8 | static_cast<unsigned char>(value[i]);
  return position;
}

}  // namespace

Cursors::Cursors(storage::Store& store, std::string reader) : store_(store), reader_(std::move(reader)) {}

std::string Cursors::key(std::uint32_t partition) const {
  std::string key = reader_ + '\0';
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(partition >> shift & 0xFF);
  return key;
}

Result<std::optional<std::uint64_t>> Cursors::load(std::uint32_t partition) const {
  const auto record = store_.read_record(storage::RecordKind::cursors, key(partition));
  if (!record) return record.error();
  if (!*record) return std::optional<std::uint64_t>{};
  const auto position = position_of(**record);
  if (!position) return fail(Errc::server_error, "the cursor of " + reader_ + " cannot be read");
  return position;
}

std::vector<storage::RecordWrite> Cursors::changes(const std::vector<std::uint64_t>& positions) {
  if (failed_->exchange(false)) saved_.clear();
  saved_.resize(positions.size());
  std::vector<storage::RecordWrite> writes;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (saved_[i] == positions[i]) continue;
    saved_[i] = positions[i];
    writes.push_back(
        {storage::RecordKind::cursors, key(static_cast<std::uint32_t>(i)), std::optional(value_of(positions[i]))});
  }
  return writes;
}

Result<void> Cursors::save_and_wait(const std::vector<std::uint64_t>& positions) {
  auto writes = changes(positions);
  if (writes.empty()) return {};
  const auto durable = std::make_shared<std::promise<Result<void>>>();
  auto queued = store_.write_records(
      std::move(writes), {}, [durable](const Result<void>& result, storage::Outbox&) { durable->set_value(result); });
  if (!queued) return queued;
  return durable->get_future().get();
}

void Cursors::save(const std::vector<std::uint64_t>& positions) {
  auto writes = changes(positions);
  if (writes.empty()) return;
  const auto queued =
      store_.write_records(std::move(writes), {}, [failed = failed_](const Result<void>& result, storage::Outbox&) {
        if (!result) *failed = true;
      });
  if (!queued) *failed_ = true;
}

}  // namespace twinhub::events
