// Which queues are in memory: read from disk when they are first needed, let go when they are empty, looked at when
// something in them is due. A shard's mutex is taken inside the store's lock of a device, never around it.
#include "server/hub/messages/cloud_to_device.hpp"

#include <algorithm>

namespace twinhub::hub {
namespace {

using storage::MessagePart;
using storage::RecordKind;

constexpr std::size_t load_slice = 500;  // devices looked at per tick after a start
constexpr std::size_t due_slice = 64;    // queues acted on per shard, clock and tick

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

Result<CloudToDevice::Queue*> CloudToDevice::load(Shard& shard, MutexLock& lock, const std::string& device,
                                                  bool create) {
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
      // Whether the process before delivered it without writing that down is not known.
      header.delivered = true;
      const MessageQueue::Life life{.valid_until = header.expires};
      queue->messages.add(number, std::move(header), life, MessageQueue::State::queued);
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

void CloudToDevice::schedule(Shard& shard, Queue& queue, Timestamp not_before) {
  place(shard.wall_deadlines, queue, queue.wall_ticks, queue.messages.wall_deadline());
  auto steady = queue.messages.steady_deadline();
  if (steady) steady = std::max(*steady, not_before);
  place(shard.steady_deadlines, queue, queue.steady_ticks, steady);
}

void CloudToDevice::place(Deadlines& deadlines, Queue& queue, std::uint64_t& ticks, std::optional<Timestamp> deadline) {
  const std::uint64_t wanted = deadline ? std::max<std::uint64_t>(deadline->ticks, 1) : 0;
  if (wanted == ticks) return;
  if (ticks != 0) deadlines.erase({ticks, &queue});
  ticks = wanted;
  if (ticks != 0) deadlines.emplace(ticks, &queue);
}

void CloudToDevice::let_go(Shard& shard, Queue& queue) {
  place(shard.wall_deadlines, queue, queue.wall_ticks, {});
  place(shard.steady_deadlines, queue, queue.steady_ticks, {});
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

/// Both clocks, for a delivery: what is denied to a device now must be offered again if the wall clock goes back.
MessageQueue::Moment CloudToDevice::look_at_clocks() {
  const MessageQueue::Moment now{.wall = clock_.wall(), .steady = clock_.steady()};
  std::uint64_t latest = latest_wall_.load(std::memory_order_relaxed);
  while (latest < now.wall.ticks && !latest_wall_.compare_exchange_weak(latest, now.wall.ticks)) continue;
  return now;
}

void CloudToDevice::tick() {
  if (!loaded_.load(std::memory_order_relaxed)) load_some();
  storage::Outbox outbox;
  // Read before the clock: what a delivery sees meanwhile is no step back.
  std::uint64_t latest = latest_wall_.load();
  const std::optional<Timestamp> settled = clock_.settled();
  const std::uint64_t wall = settled ? settled->ticks : clock_.wall().ticks;
  if (wall < latest && latest_wall_.compare_exchange_strong(latest, wall)) wake_held_back({latest}, outbox);
  const Timestamp steady = clock_.steady();
  std::vector<std::string> awake;
  for (Shard& shard : shards_) {
    tick_steady(shard, steady, awake);
    if (settled) expire(shard, *settled);
  }
  for (const std::string& device : awake) wake(device, outbox);
}

void CloudToDevice::tick_steady(Shard& shard, Timestamp steady, std::vector<std::string>& awake) {
  const MutexLock lock(shard.mutex);
  for (std::size_t n = 0; n < due_slice; ++n) {
    if (shard.steady_deadlines.empty() || shard.steady_deadlines.begin()->first > steady.ticks) return;
    Queue& queue = *shard.steady_deadlines.begin()->second;
    if (queue.messages.lapse(steady)) awake.push_back(queue.device);
    const auto outlasted = queue.messages.outlasted(steady);
    if (outlasted.empty()) {
      schedule(shard, queue);
    } else {
      finish(shard, queue, outlasted, storage::MessageOutcome::expired, {});
    }
  }
}

void CloudToDevice::expire(Shard& shard, Timestamp settled) {
  const MutexLock lock(shard.mutex);
  for (std::size_t n = 0; n < due_slice; ++n) {
    if (shard.wall_deadlines.empty() || shard.wall_deadlines.begin()->first > settled.ticks) return;
    Queue& queue = *shard.wall_deadlines.begin()->second;
    const auto expired = queue.messages.expired(settled);
    if (expired.empty()) {
      schedule(shard, queue);
    } else if (!finish(shard, queue, expired, storage::MessageOutcome::expired, {})) {
      return;  // a store that refuses one write refuses the next: the next tick asks again
    }
  }
}

/// A device that was denied a message does not ask again by itself. A rare event, so all of them are woken at once.
void CloudToDevice::wake_held_back(Timestamp latest, storage::Outbox& outbox) {
  for (Shard& shard : shards_) {
    std::vector<std::string> awake;
    {
      const MutexLock lock(shard.mutex);
      for (const auto& [ticks, queue] : shard.wall_deadlines) {
        if (ticks > latest.ticks) break;
        awake.push_back(queue->device);
      }
    }
    for (const std::string& device : awake) wake(device, outbox);
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
    MutexLock lock(shard.mutex);
    if (!load(shard, lock, key->device, false)) return;
    loaded_up_to_ = storage::message_keys_end(key->device);
  }
}

}  // namespace twinhub::hub
