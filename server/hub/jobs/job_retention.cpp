#include "server/hub/jobs/job_retention.hpp"

#include "server/hub/jobs/job_record.hpp"

#include <utility>
#include <vector>

namespace twinhub::hub {
namespace {

constexpr std::size_t look_slice = 500;      // states read per tick
constexpr std::size_t remove_slice = 2'000;  // rows removed per tick
constexpr std::uint64_t round_pause_ticks = 60 * ticks_per_second;

}  // namespace

JobRetention::JobRetention(storage::Store& store, const Clock& clock, std::chrono::hours retention)
    : store_(store),
      clock_(clock),
      retention_ticks_(static_cast<std::uint64_t>(retention.count()) * 3600 * ticks_per_second) {}

void JobRetention::tick() {
  if (writing_.load(std::memory_order_acquire)) return;
  if (std::exchange(last_slice_, false) && written_) going_.clear();
  if (!going_.empty()) return remove_some();
  if (clock_.steady() < next_round_) return;
  if (const auto settled = clock_.settled()) look_for_one(*settled);
}

void JobRetention::look_for_one(Timestamp settled) {
  std::size_t seen = 0;
  const auto scanned = store_.scan_records(
      storage::RecordKind::jobs, std::string(1, job_state_prefix), looked_up_to_,
      [&](std::string_view key, std::string_view record) {
        looked_up_to_ = key;
        const auto state = decode_job_state(record);
        if (state && state->ended_already() && state->ended.ticks + retention_ticks_ <= settled.ticks)
          going_ = key.substr(1);
        return going_.empty() && ++seen < look_slice;
      });
  if (!scanned || !going_.empty() || seen == look_slice) return;
  looked_up_to_.clear();
  next_round_ = {clock_.steady().ticks + round_pause_ticks};
}

void JobRetention::remove_some() {
  std::vector<storage::RecordWrite> removals;
  const auto scanned = store_.scan_records(
      storage::RecordKind::job_devices, device_jobs_prefix(going_), {}, [&](std::string_view key, std::string_view) {
        removals.push_back({storage::RecordKind::job_devices, std::string(key), std::nullopt});
        return removals.size() < remove_slice;
      });
  if (!scanned) return;
  last_slice_ = removals.size() < remove_slice;
  if (last_slice_) {
    for (const char prefix : {job_state_prefix, job_definition_prefix})
      removals.push_back({storage::RecordKind::jobs, job_key(prefix, going_), std::nullopt});
  }
  writing_ = true;
  const auto queued =
      store_.write_records(std::move(removals), {}, [this](const Result<void>& durable, storage::Outbox&) {
        written_ = durable.has_value();
        writing_.store(false, std::memory_order_release);
      });
  if (queued) return;
  last_slice_ = false;
  writing_ = false;
}

}  // namespace twinhub::hub
