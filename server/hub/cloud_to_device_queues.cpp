// Which queues are in memory: read from disk when they are first needed, let go when they are empty, looked at when
// something in them is due. A shard's mutex is taken inside the store's lock of a device, never around it.
#include "server/hub/cloud_to_device.hpp"

#include <algorithm>

namespace twinhub::hub {
namespace {

using storage::MessagePart;
using storage::RecordKind;

constexpr std::size_t load_slice = 500;  // devices looked at per tick after a start
constexpr std::size_t due_slice = 64;    // queues acted on per shard and tick

}  // namespace

struct CloudToDevice::FromDisk {
  std::vector<std::pair<std::uint64_t, storage::MessageHeader>> messages;
  std::uint64_t next_sequence_number = 1;
};

Result<CloudToDevice::FromDisk> CloudToDevice::read_from_disk(const std::string& device, bool headers) const {
  FromDisk found;
  const auto counter =
      store_.read_record(RecordKind::messages, storage::message_key(device, MessagePart::next_sequence_number));
  if (!counter) return counter.error();
  if (*counter) {
    const auto number = storage::decode_next_sequence_number(**counter);
    if (!number) return number.error();
    found.next_sequence_number = *number;
  }
  if (!headers) return found;
  Result<void> decoded;
  const auto scanned =
      store_.scan_records(RecordKind::messages, storage::message_header_prefix(device), {},
                          [&](std::string_view key, std::string_view value) {
                            const auto place = storage::parse_message_key(key);
                            auto header = storage::decode_message_header(value);
                            if (!place || !header) {
                              decoded = fail(Errc::server_error, "a stored message of " + device + " cannot be read");
                              return false;
                            }
                            found.messages.emplace_back(place->sequence_number, std::move(*header));
                            return true;
                          });
  if (!scanned) return scanned.error();
  if (!decoded) return decoded.error();
  if (!found.messages.empty()) {
    found.next_sequence_number = std::max(found.next_sequence_number, found.messages.back().first + 1);
  }
  return found;
}

Result<CloudToDevice::Queue*> CloudToDevice::load(Shard& shard, Lock& lock, const std::string& device, bool create) {
  for (;;) {
    if (const auto known = shard.queues.find(device); known != shard.queues.end()) return known->second.get();
    const bool on_disk_too = !loaded_.load(std::memory_order_acquire);
    if (!on_disk_too && !create) return nullptr;
    const std::uint64_t forgotten = shard.forgotten;
    lock.unlock();
    auto found = read_from_disk(device, on_disk_too);
    lock.lock();
    if (!found) return found.error();
    // A queue that came and went meanwhile may have taken what was read with it.
    if (shard.forgotten != forgotten) continue;
    if (const auto known = shard.queues.find(device); known != shard.queues.end()) return known->second.get();
    if (found->messages.empty() && !create) return nullptr;

    auto queue = std::make_unique<Queue>();
    queue->device = device;
    queue->serial = next_serial_.fetch_add(1, std::memory_order_relaxed);
    queue->next_sequence_number = found->next_sequence_number;
    for (auto& [number, header] : found->messages) {
      queue->generation_id = std::move(header.generation_id);
      header.generation_id.clear();
      header.delivered = header.delivered || header.enqueued < started_;
      queue->messages.add(number, std::move(header), MessageQueue::State::queued);
    }
    total_.fetch_add(found->messages.size(), std::memory_order_relaxed);
    Queue* loaded = queue.get();
    shard.queues.emplace(device, std::move(queue));
    schedule(shard, *loaded);
    return loaded;
  }
}

CloudToDevice::Queue* CloudToDevice::find(Shard& shard, const std::string& device, std::uint64_t serial) {
  const auto known = shard.queues.find(device);
  return known != shard.queues.end() && known->second->serial == serial ? known->second.get() : nullptr;
}

void CloudToDevice::schedule(Shard& shard, Queue& queue, std::optional<Timestamp> not_before) {
  std::uint64_t ticks = 0;
  if (const auto deadline = queue.messages.deadline()) {
    ticks = std::max(deadline->ticks, not_before.value_or(Timestamp{1}).ticks);
  }
  if (ticks == queue.deadline_ticks) return;
  if (queue.deadline_ticks != 0) shard.deadlines.erase({queue.deadline_ticks, &queue});
  queue.deadline_ticks = ticks;
  if (ticks != 0) shard.deadlines.emplace(ticks, &queue);
}

void CloudToDevice::let_go(Shard& shard, Queue& queue) {
  if (queue.deadline_ticks != 0) shard.deadlines.erase({queue.deadline_ticks, &queue});
  total_.fetch_sub(queue.messages.size(), std::memory_order_relaxed);
  ++shard.forgotten;
  shard.queues.erase(shard.queues.find(queue.device));
}

/// One write of the queue's is on disk or has failed.
void CloudToDevice::settle_write(Shard& shard, Queue& queue) {
  --queue.unsettled;
  if (queue.messages.empty() && queue.unsettled == 0) return let_go(shard, queue);
  schedule(shard, queue);
}

void CloudToDevice::tick() {
  if (!loaded_.load(std::memory_order_relaxed)) load_some();
  const Timestamp now = clock_.now();
  std::vector<std::string> awake;
  for (Shard& shard : shards_) tick(shard, now, awake);
  storage::Outbox outbox;
  for (const std::string& device : awake) wake(device, outbox);
}

void CloudToDevice::tick(Shard& shard, Timestamp now, std::vector<std::string>& awake) {
  const std::lock_guard lock(shard.mutex);
  for (std::size_t n = 0; n < due_slice; ++n) {
    if (shard.deadlines.empty() || shard.deadlines.begin()->first > now.ticks) return;
    Queue& queue = *shard.deadlines.begin()->second;
    if (queue.messages.lapse(now)) awake.push_back(queue.device);
    const auto expired = queue.messages.expired(now);
    if (expired.empty()) {
      schedule(shard, queue);
    } else {
      finish(shard, queue, expired, storage::MessageOutcome::expired, {});
    }
  }
}

void CloudToDevice::load_some() {
  for (std::size_t n = 0; n < load_slice; ++n) {
    std::optional<std::string> found;
    const auto scanned =
        store_.scan_records(RecordKind::messages, {}, loaded_up_to_, [&](std::string_view key, std::string_view) {
          found = key;
          return false;
        });
    if (!scanned) return;  // asked again by the next tick
    if (!found) return loaded_.store(true, std::memory_order_release);
    const auto key = storage::parse_message_key(*found);
    if (!key) {
      loaded_up_to_ = std::move(*found);
      continue;
    }
    Shard& shard = shard_of(key->device);
    Lock lock(shard.mutex);
    if (!load(shard, lock, key->device, false)) return;
    loaded_up_to_ = storage::message_keys_end(key->device);
  }
}

}  // namespace twinhub::hub
