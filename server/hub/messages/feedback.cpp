#include "server/hub/messages/feedback.hpp"

#include "protocol/json/text.hpp"
#include "server/base/answer.hpp"
#include "server/hub/messages/message_queue.hpp"

#include <algorithm>
#include <array>
#include <memory>

namespace twinhub::hub {
namespace {

constexpr std::size_t batch_max = 64;     // azure-docs iot-hub-devguide-messages-c2d: "64 messages"
constexpr std::size_t load_slice = 1000;  // records read from disk per tick
constexpr std::size_t drop_slice = 256;   // records given up per tick
constexpr int batches_looked_at_max = 4;  // for one with a record of a device that still exists
constexpr std::size_t life_bytes = 8;

constexpr std::array<std::string_view, 5> outcome_names{"Success", "Expired", "DeliveryCountExceeded", "Rejected",
                                                        "Purged"};

Timestamp after(Timestamp at, std::chrono::seconds seconds) {
  return {at.ticks + static_cast<std::uint64_t>(seconds.count()) * ticks_per_second};
}

void append_record(std::string& out, const storage::FeedbackRecord& record) {
  const std::string_view outcome = outcome_names[static_cast<std::size_t>(record.outcome)];
  const auto member = [&out](std::string_view name, std::string_view value) {
    if (out.back() != '{') out += ',';
    json::append_key(out, name);
    json::append_string(out, value);
  };
  out += '{';
  member("originalMessageId", record.message_id);
  member("enqueuedTimeUtc", to_iso8601(record.at));
  member("statusCode", outcome);
  member("description", outcome);
  member("deviceId", record.device);
  member("deviceGenerationId", record.generation_id);
  out += '}';
}

Error lock_lost() { return fail(Errc::device_message_lock_lost, "The lock on the feedback was lost"); }

}  // namespace

Feedback::Feedback(storage::Store& store, const Clock& clock, Random& random, FeedbackOptions options)
    : store_(store),
      clock_(clock),
      options_(options),
      life_(random.bytes(life_bytes)),
      next_number_(clock.now().ticks) {}

Feedback::Note Feedback::note(storage::FeedbackRecord record) {
  const std::lock_guard lock(mutex_);
  return {storage::feedback_key(next_number_++, life_), std::move(record)};
}

storage::RecordWrite Feedback::write_of(const Note& note) {
  storage::RecordWrite write{storage::RecordKind::feedback, note.key, std::string()};
  storage::encode(*write.value, note.record);
  return write;
}

void Feedback::keep(Note note) {
  const std::lock_guard lock(mutex_);
  Item& item = items_[std::move(note.key)];  // load_some() may have found it on disk already
  item.record = std::move(note.record);
  item.kept = clock_.steady();
}

std::vector<Feedback::Items::iterator> Feedback::take_ready(Timestamp steady) {
  std::vector<Items::iterator> free;
  for (auto item = items_.begin(); item != items_.end() && free.size() < batch_max; ++item) {
    if (!item->second.locked && !item->second.leaving) free.push_back(item);
  }
  if (free.empty() || free.size() == batch_max) return free;
  // What a former process left has waited for a whole restart.
  const auto& kept = free.front()->second.kept;
  return !kept || after(*kept, options_.batch_wait) <= steady ? free : std::vector<Items::iterator>{};
}

bool Feedback::is_over(const Item& item, Timestamp steady, std::optional<Timestamp> settled) const {
  if (item.kept) return after(*item.kept, options_.life) <= steady;
  return settled && after(item.record.at, options_.life) <= *settled;
}

Result<bool> Feedback::is_gone(const storage::FeedbackRecord& record) const {
  const auto read = store_.read({record.device, {}});
  if (!read) return unavailable();
  return !read->entity.identity || read->entity.identity->generation_id != record.generation_id;
}

Result<std::optional<Feedback::Batch>> Feedback::receive() {
  const Timestamp now = clock_.steady();
  for (int attempt = 0; attempt < batches_looked_at_max; ++attempt) {
    Batch batch;
    std::vector<std::pair<std::string, storage::FeedbackRecord>> taken;
    {
      const std::lock_guard lock(mutex_);
      const auto ready = take_ready(now);
      if (ready.empty()) return std::optional<Batch>{};
      batch.lock_token = to_text({next_number_, next_number_});
      ++next_number_;
      Lock& held = locks_[batch.lock_token];
      held.until = after(now, options_.lock);
      for (const auto& item : ready) {
        item->second.locked = true;
        batch.delivery_count = std::max(batch.delivery_count, item->second.delivery_count);
        held.keys.push_back(item->first);
        taken.emplace_back(item->first, item->second.record);
      }
    }
    std::vector<std::string> gone;
    for (const auto& [key, record] : taken) {
      const auto dropped = is_gone(record);
      if (!dropped) {
        (void)abandon(batch.lock_token);
        return dropped.error();
      }
      if (*dropped) {
        gone.push_back(key);
        continue;
      }
      batch.json += batch.json.empty() ? '[' : ',';
      append_record(batch.json, record);
      batch.newest = std::max(batch.newest, record.at);
    }
    const std::lock_guard lock(mutex_);
    if (!gone.empty()) {
      std::erase_if(locks_[batch.lock_token].keys,
                    [&](const std::string& key) { return std::find(gone.begin(), gone.end(), key) != gone.end(); });
      drop(gone, {});
    }
    if (!batch.json.empty()) {
      batch.json += ']';
      return std::optional<Batch>{std::move(batch)};
    }
    locks_.erase(batch.lock_token);
  }
  return std::optional<Batch>{};
}

void Feedback::complete(std::string_view lock_token, Done<void> done) {
  std::unique_lock lock(mutex_);
  const auto held = locks_.find(lock_token);
  if (held == locks_.end()) {
    lock.unlock();
    return answer_now<void>(lock_lost(), done);
  }
  const Lock settled = std::move(held->second);
  locks_.erase(held);
  if (drop(settled.keys, done)) return;
  unlock(settled);
  lock.unlock();
  answer_now<void>(unavailable(), done);
}

std::string Feedback::look(std::string_view device, std::size_t most) {
  const std::lock_guard lock(mutex_);
  std::string json = "[";
  for (auto item = items_.rbegin(); item != items_.rend() && most > 0; ++item) {
    if (item->second.leaving || item->second.record.device != device) continue;
    if (json.size() > 1) json += ',';
    append_record(json, item->second.record);
    --most;
  }
  return json + "]";
}

Result<void> Feedback::abandon(std::string_view lock_token) {
  const std::lock_guard lock(mutex_);
  const auto held = locks_.find(lock_token);
  if (held == locks_.end()) return lock_lost();
  const Lock abandoned = std::move(held->second);
  locks_.erase(held);
  unlock(abandoned);
  std::vector<std::string> given_up;
  for (const std::string& key : abandoned.keys) {
    const auto item = items_.find(key);
    if (item != items_.end() && ++item->second.delivery_count >= options_.delivery_count_max) given_up.push_back(key);
  }
  if (!given_up.empty()) drop(given_up, {});
  return {};
}

void Feedback::release(std::string_view lock_token) {
  const std::lock_guard lock(mutex_);
  const auto held = locks_.find(lock_token);
  if (held == locks_.end()) return;
  unlock(held->second);
  locks_.erase(held);
}

void Feedback::unlock(const Lock& lock) {
  for (const std::string& key : lock.keys) {
    if (const auto item = items_.find(key); item != items_.end()) item->second.locked = false;
  }
}

bool Feedback::drop(const std::vector<std::string>& keys, Done<void> done) {
  std::vector<storage::RecordWrite> writes;
  for (const std::string& key : keys) {
    writes.push_back({storage::RecordKind::feedback, key, std::nullopt});
    if (const auto item = items_.find(key); item != items_.end()) item->second.leaving = true;
  }
  const auto written =
      store_.write_records(std::move(writes), {},
                           [this, keys, done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
                             {
                               const std::lock_guard lock(mutex_);
                               for (const std::string& key : keys) {
                                 if (durable) {
                                   items_.erase(key);
                                 } else if (const auto item = items_.find(key); item != items_.end()) {
                                   item->second.leaving = item->second.locked = false;
                                 }
                               }
                             }
                             if (done) done(durable ? Result<void>() : Result<void>(unavailable()), outbox);
                           });
  if (written) return true;
  for (const std::string& key : keys) {
    if (const auto item = items_.find(key); item != items_.end()) item->second.leaving = item->second.locked = false;
  }
  return false;
}

void Feedback::load_some() {
  // Under the mutex, so that no record is removed between its being read and its being noted.
  const std::lock_guard lock(mutex_);
  std::size_t seen = 0;
  const auto scanned = store_.scan_records(storage::RecordKind::feedback, {}, loaded_up_to_,
                                           [&](std::string_view key, std::string_view value) {
                                             loaded_up_to_ = key;
                                             if (auto record = storage::decode_feedback(value)) {
                                               items_.emplace(std::string(key), Item{.record = std::move(*record)});
                                             }
                                             return ++seen < load_slice;
                                           });
  if (scanned && seen < load_slice) loaded_ = true;
}

void Feedback::tick() {
  if (!loaded_) load_some();
  const Timestamp steady = clock_.steady();
  const std::optional<Timestamp> settled = clock_.settled();
  const std::lock_guard lock(mutex_);
  for (auto held = locks_.begin(); held != locks_.end();) {
    if (held->second.until > steady) {
      ++held;
      continue;
    }
    unlock(held->second);
    held = locks_.erase(held);
  }
  std::vector<std::string> over;
  std::size_t too_many = items_.size() > options_.records_max ? items_.size() - options_.records_max : 0;
  for (auto item = items_.begin(); item != items_.end() && over.size() < drop_slice; ++item) {
    if (too_many == 0 && !is_over(item->second, steady, settled)) break;
    if (too_many > 0) --too_many;
    if (!item->second.locked && !item->second.leaving) over.push_back(item->first);
  }
  if (!over.empty()) drop(over, {});
}

}  // namespace twinhub::hub
