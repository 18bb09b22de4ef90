#include "server/hub/messages/cloud_to_device.hpp"

#include "server/base/answer.hpp"

#include <algorithm>

namespace twinhub::hub {
namespace {

using storage::MessageOutcome;
using storage::MessagePart;
using storage::RecordKind;
using State = MessageQueue::State;

Timestamp after(Timestamp at, std::chrono::seconds seconds) {
  return {at.ticks + static_cast<std::uint64_t>(seconds.count()) * ticks_per_second};
}

Error not_found(const std::string& device) { return fail(Errc::device_not_found, device); }
Error lock_lost() { return fail(Errc::device_message_lock_lost, "The lock on the message was lost"); }

/// Completed is positive, everything else negative: azure-docs iot-hub-devguide-messages-c2d, "Message feedback".
bool wants_feedback(iothub::Acknowledgement asked, MessageOutcome outcome) {
  if (asked == iothub::Acknowledgement::full) return true;
  return asked ==
         (outcome == MessageOutcome::success ? iothub::Acknowledgement::positive : iothub::Acknowledgement::negative);
}

template <class Value>
std::string encoded(const Value& value) {
  std::string bytes;
  storage::encode(bytes, value);
  return bytes;
}

}  // namespace

CloudToDevice::CloudToDevice(storage::Store& store, const Clock& clock, DeviceLinks& links, Feedback& feedback,
                             CloudToDeviceOptions options)
    : store_(store),
      clock_(clock),
      links_(links),
      feedback_(feedback),
      options_(options),
      next_lock_(clock.now().ticks) {}  // a lock of an earlier process is never mistaken for one of this

void CloudToDevice::send(const std::string& device, iothub::CloudToDeviceMessage message, Done<void> done) {
  if (message.to.empty()) message.to = iothub::device_bound_address(device);
  if (auto checked = iothub::check(message, device); !checked) return answer_now<void>(std::move(checked), done);
  storage::MessageHeader header;
  const std::chrono::seconds lasts = message.expiry ? options_.life_max : options_.life_default;
  const MessageQueue::Life life{.valid_until = message.expiry.value_or(never),
                                .lasts_until = after(clock_.steady(), lasts)};
  header.enqueued = clock_.wall();
  header.expires = std::min(life.valid_until, after(header.enqueued, lasts));
  header.acknowledgement = message.acknowledgement;
  if (header.acknowledgement != iothub::Acknowledgement::none) header.message_id = message.message_id;
  const std::string content = encoded(message);

  const auto place = std::make_shared<std::optional<Result<Reservation>>>();
  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    if (!place->has_value()) {
      // Under the store's lock of the device: sequence numbers are given in the order of the writes.
      *place = current.identity ? reserve(device, current.identity->generation_id, header, life)
                                : Result<Reservation>(not_found(device));
    }
    if (!**place) return (*place)->error();
    const std::uint64_t number = (**place)->sequence_number;
    storage::MessageHeader stored = header;
    stored.generation_id = current.identity ? current.identity->generation_id : "";
    storage::EntityChange change;
    change.records = {
        {RecordKind::messages, storage::message_key(device, MessagePart::next_sequence_number),
         storage::encode_next_sequence_number(number + 1)},
        {RecordKind::messages, storage::message_key(device, MessagePart::header, number), encoded(stored)},
        {RecordKind::messages, storage::message_key(device, MessagePart::content, number), content}};
    return change;
  };
  store_.update({device, {}}, decide,
                [this, device, place, done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
                  if (place->has_value() && **place) arrived(device, ***place, durable.has_value(), outbox);
                  if (!durable) return done(unavailable(), outbox);
                  done(**place ? Result<void>() : Result<void>((*place)->error()), outbox);
                });
}

Result<CloudToDevice::Reservation> CloudToDevice::reserve(const std::string& device, const std::string& generation_id,
                                                          const storage::MessageHeader& header,
                                                          const MessageQueue::Life& life) {
  Shard& shard = shard_of(device);
  MutexLock lock(shard.mutex);
  auto loaded = load(shard, lock, device, true);
  if (!loaded) return loaded.error();
  Queue* queue = *loaded;
  if (queue->generation_id != generation_id) {
    if (!queue->messages.empty() || queue->unsettled > 0) {
      // Of a device that was deleted: its messages are gone as soon as what is queued before this one is durable.
      const std::uint64_t next = queue->next_sequence_number;
      let_go(shard, *queue);
      auto fresh = std::make_unique<Queue>();
      fresh->device = device;
      fresh->serial = next_serial_.fetch_add(1, std::memory_order_relaxed);
      fresh->next_sequence_number = next;
      queue = fresh.get();
      shard.queues[device] = std::move(fresh);
    }
    queue->generation_id = generation_id;
  }
  if (queue->messages.size() >= queue_max) {
    return fail(Errc::device_maximum_queue_depth_exceeded,
                "Device " + device + " has " + std::to_string(queue_max) + " messages waiting");
  }
  if (total_.load(std::memory_order_relaxed) >= options_.messages_max) {
    if (queue->messages.empty() && queue->unsettled == 0) let_go(shard, *queue);
    return fail(Errc::iot_hub_quota_exceeded, "The hub holds as many cloud-to-device messages as it may");
  }
  const Reservation place{queue->serial, queue->next_sequence_number++};
  queue->messages.add(place.sequence_number, header, life, State::arriving);
  ++queue->unsettled;
  total_.fetch_add(1, std::memory_order_relaxed);
  return place;
}

void CloudToDevice::arrived(const std::string& device, const Reservation& place, bool durable,
                            storage::Outbox& outbox) {
  Shard& shard = shard_of(device);
  {
    const MutexLock lock(shard.mutex);
    Queue* queue = find(shard, device, place.queue_serial);
    if (queue == nullptr) return;
    if (auto* message = queue->messages.find(place.sequence_number)) {
      if (durable) {
        message->state = State::queued;
      } else {
        queue->messages.remove(place.sequence_number);
        total_.fetch_sub(1, std::memory_order_relaxed);
      }
    }
    settle_write(shard, *queue);
  }
  wake(device, outbox);  // a failed one held up those behind it
}

void CloudToDevice::purge(const std::string& device, Done<std::uint32_t> done) {
  const auto read = store_.read({device, {}});
  if (!read) return answer_now<std::uint32_t>(unavailable(), done);
  if (!read->entity.identity) return answer_after<std::uint32_t>(store_, read->told_after, not_found(device), done);
  Shard& shard = shard_of(device);
  MutexLock lock(shard.mutex);
  const auto loaded = load(shard, lock, device, false);
  std::vector<MessageQueue::Message*> all;
  if (loaded && *loaded != nullptr) {
    all = (*loaded)->messages.all_of(State::queued);
    const auto locked = (*loaded)->messages.all_of(State::locked);
    all.insert(all.end(), locked.begin(), locked.end());
    std::sort(all.begin(), all.end(),
              [](const auto* a, const auto* b) { return a->sequence_number < b->sequence_number; });
  }
  const auto count = static_cast<std::uint32_t>(all.size());
  const bool finished =
      loaded && (all.empty() ||
                 finish(shard, **loaded, all, MessageOutcome::purged,
                        [done, count](const Result<void>& purged, storage::Outbox& outbox) {
                          done(purged ? Result<std::uint32_t>(count) : Result<std::uint32_t>(purged.error()), outbox);
                        }));
  lock.unlock();
  if (!finished) return answer_now<std::uint32_t>(unavailable(), done);
  if (all.empty()) answer_after<std::uint32_t>(store_, read->told_after, 0U, done);
}

std::uint32_t CloudToDevice::count(const IdentityId& id) {
  if (id.is_module()) return 0;
  Shard& shard = shard_of(id.device);
  MutexLock lock(shard.mutex);
  const auto queue = load(shard, lock, id.device, false);
  return queue && *queue != nullptr ? (*queue)->messages.count() : 0;
}

Result<std::vector<CloudToDevice::Waiting>> CloudToDevice::look(const std::string& device) {
  std::vector<Waiting> waiting;
  {
    Shard& shard = shard_of(device);
    MutexLock lock(shard.mutex);
    const auto queue = load(shard, lock, device, false);
    if (!queue) return queue.error();
    if (*queue == nullptr) return waiting;
    for (const State state : {State::queued, State::locked}) {
      for (const auto* message : (*queue)->messages.all_of(state))
        waiting.push_back({message->sequence_number, state == State::locked, message->header, {}});
    }
  }
  std::sort(waiting.begin(), waiting.end(),
            [](const Waiting& a, const Waiting& b) { return a.sequence_number < b.sequence_number; });
  std::vector<Waiting> found;
  for (Waiting& each : waiting) {
    const auto bytes = store_.read_record(RecordKind::messages,
                                          storage::message_key(device, MessagePart::content, each.sequence_number));
    if (!bytes) return bytes.error();
    if (!*bytes) continue;  // settled meanwhile
    if (auto content = storage::decode_message_content(**bytes)) each.message = std::move(*content);
    found.push_back(std::move(each));
  }
  return found;
}

Result<std::optional<CloudToDevice::Delivery>> CloudToDevice::receive(const std::string& device, std::uint64_t consumer,
                                                                      std::size_t window,
                                                                      std::optional<std::chrono::seconds> lock_for) {
  Shard& shard = shard_of(device);
  for (;;) {
    const MessageQueue::Moment now = look_at_clocks();
    Delivery delivery;
    {
      MutexLock lock(shard.mutex);
      const auto queue = load(shard, lock, device, false);
      if (!queue) return queue.error();
      if (*queue == nullptr || (*queue)->messages.locked_by(consumer) >= window) return std::optional<Delivery>{};
      auto* message = (*queue)->messages.next(now);
      if (message == nullptr) return std::optional<Delivery>{};
      delivery.lock = {message->sequence_number, next_lock_.fetch_add(1, std::memory_order_relaxed)};
      delivery.enqueued = message->header.enqueued;
      delivery.expires = message->header.expires;
      delivery.delivery_count = message->header.delivery_count;
      delivery.redelivered = message->header.delivered;
      MessageQueue::lock(*message, delivery.lock.number, consumer, after(now.steady, lock_for.value_or(options_.lock)));
      schedule(shard, **queue);
    }
    const auto bytes = store_.read_record(
        RecordKind::messages, storage::message_key(device, MessagePart::content, delivery.lock.sequence_number));
    auto content = bytes && *bytes ? storage::decode_message_content(**bytes)
                                   : Result<iothub::CloudToDeviceMessage>(fail(Errc::server_error, "no content"));
    if (content) {
      delivery.message = std::move(*content);
      return std::optional<Delivery>{std::move(delivery)};
    }
    if (!bytes) {
      const MutexLock lock(shard.mutex);
      const auto queue = shard.queues.find(device);
      if (queue == shard.queues.end()) return unavailable();
      if (auto* message = queue->second->messages.find(delivery.lock)) MessageQueue::unlock(*message);
      schedule(shard, *queue->second);
      return unavailable();
    }
    // It cannot be delivered, ever; those behind it can.
    settle(device, delivery.lock, MessageOutcome::rejected, {});
  }
}

void CloudToDevice::complete(const std::string& device, const MessageLock& lock, Done<void> done) {
  settle(device, lock, MessageOutcome::success, std::move(done));
}

void CloudToDevice::reject(const std::string& device, const MessageLock& lock, Done<void> done) {
  settle(device, lock, MessageOutcome::rejected, std::move(done));
}

void CloudToDevice::settle(const std::string& device, const MessageLock& message_lock, MessageOutcome outcome,
                           Done<void> done) {
  Shard& shard = shard_of(device);
  Result<void> answer = lock_lost();
  {
    const MutexLock lock(shard.mutex);
    const auto queue = shard.queues.find(device);
    auto* message = queue == shard.queues.end() ? nullptr : queue->second->messages.find(message_lock);
    if (message != nullptr && message->locked_until > clock_.steady()) {
      if (finish(shard, *queue->second, {message}, outcome, done)) return;
      answer = unavailable();
    }
  }
  if (done) answer_now<void>(std::move(answer), done);
}

void CloudToDevice::abandon(const std::string& device, const MessageLock& message_lock, Done<void> done) {
  Shard& shard = shard_of(device);
  Result<void> answer = lock_lost();
  bool queued_again = false;
  {
    const MutexLock lock(shard.mutex);
    const auto queue = shard.queues.find(device);
    auto* message = queue == shard.queues.end() ? nullptr : queue->second->messages.find(message_lock);
    if (message != nullptr && message->locked_until > clock_.steady()) {
      answer = Result<void>();
      ++message->header.delivery_count;
      if (message->header.delivery_count >= options_.delivery_count_max) {
        if (!finish(shard, *queue->second, {message}, MessageOutcome::delivery_count_exceeded, done)) {
          answer = unavailable();
        }
      } else {
        MessageQueue::unlock(*message);
        schedule(shard, *queue->second);
        queued_again = true;
        if (!rewrite(shard, *queue->second, *message, done)) answer = unavailable();
      }
    }
  }
  storage::Outbox outbox;
  if (queued_again) wake(device, outbox);
  if (!answer && done) done(answer, outbox);
}

void CloudToDevice::release(const std::string& device, std::uint64_t consumer) {
  Shard& shard = shard_of(device);
  bool any = false;
  {
    const MutexLock lock(shard.mutex);
    const auto queue = shard.queues.find(device);
    if (queue == shard.queues.end()) return;
    for (auto* message : queue->second->messages.all_of(State::locked)) {
      if (message->consumer != consumer) continue;
      MessageQueue::unlock(*message);
      // So that it is delivered as a duplicate after a restart of the hub, too. No answer waits for this.
      rewrite(shard, *queue->second, *message, {});
      any = true;
    }
    schedule(shard, *queue->second);
  }
  storage::Outbox outbox;
  if (any) wake(device, outbox);
}

void CloudToDevice::forget(const std::string& device, std::string_view generation_id) {
  Shard& shard = shard_of(device);
  const MutexLock lock(shard.mutex);
  const auto queue = shard.queues.find(device);
  if (queue != shard.queues.end() && queue->second->generation_id == generation_id) let_go(shard, *queue->second);
}

bool CloudToDevice::finish(Shard& shard, Queue& queue, const std::vector<MessageQueue::Message*>& messages,
                           MessageOutcome outcome, Done<void> done) {
  const Timestamp now = clock_.wall();
  std::vector<std::uint64_t> numbers;
  std::vector<storage::RecordWrite> writes;
  std::vector<Feedback::Note> notes;
  for (auto* message : messages) {
    message->state = State::leaving;
    numbers.push_back(message->sequence_number);
    for (const MessagePart part : {MessagePart::header, MessagePart::content}) {
      writes.push_back(
          {RecordKind::messages, storage::message_key(queue.device, part, message->sequence_number), std::nullopt});
    }
    if (!wants_feedback(message->header.acknowledgement, outcome)) continue;
    notes.push_back(feedback_.note({now, outcome, queue.device, queue.generation_id, message->header.message_id}));
    writes.push_back(Feedback::write_of(notes.back()));
  }
  ++queue.unsettled;
  const auto written =
      store_.write_records(std::move(writes), {},
                           [this, device = queue.device, serial = queue.serial, numbers, notes = std::move(notes),
                            done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
                             if (durable) {
                               for (const Feedback::Note& note : notes) feedback_.keep(note);
                             }
                             left(device, serial, numbers, durable.has_value(), outbox);
                             if (done) done(durable ? Result<void>() : Result<void>(unavailable()), outbox);
                           });
  if (written) {
    schedule(shard, queue);
    return true;
  }
  --queue.unsettled;
  for (auto* message : messages) message->state = State::queued;
  schedule(shard, queue, after(clock_.steady(), std::chrono::seconds(1)));
  return false;
}

void CloudToDevice::left(const std::string& device, std::uint64_t serial,
                         const std::vector<std::uint64_t>& sequence_numbers, bool durable, storage::Outbox& outbox) {
  Shard& shard = shard_of(device);
  {
    const MutexLock lock(shard.mutex);
    Queue* queue = find(shard, device, serial);
    if (queue == nullptr) return;
    for (const std::uint64_t number : sequence_numbers) {
      auto* message = queue->messages.find(number);
      if (message == nullptr) continue;
      if (durable) {
        queue->messages.remove(number);
        total_.fetch_sub(1, std::memory_order_relaxed);
      } else {
        message->state = State::queued;
      }
    }
    settle_write(shard, *queue);
  }
  if (!durable) wake(device, outbox);
}

bool CloudToDevice::rewrite(Shard& shard, Queue& queue, const MessageQueue::Message& message, Done<void> done) {
  storage::MessageHeader header = message.header;
  header.generation_id = queue.generation_id;
  std::vector<storage::RecordWrite> writes{
      {RecordKind::messages, storage::message_key(queue.device, MessagePart::header, message.sequence_number),
       encoded(header)}};
  ++queue.unsettled;
  const auto written =
      store_.write_records(std::move(writes), {},
                           [this, &shard, device = queue.device, serial = queue.serial, done = std::move(done)](
                               const Result<void>& durable, storage::Outbox& outbox) {
                             {
                               const MutexLock lock(shard.mutex);
                               if (Queue* known = find(shard, device, serial)) settle_write(shard, *known);
                             }
                             if (done) done(durable ? Result<void>() : Result<void>(unavailable()), outbox);
                           });
  if (!written) --queue.unsettled;
  return written.has_value();
}

}  // namespace twinhub::hub
