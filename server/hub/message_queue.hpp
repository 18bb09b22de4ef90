// What is known in memory of one device's cloud-to-device messages: their order, states and deadlines, not their
// content. Pure: no store, no clock, no thread.
//
//   arriving --(durable)--> queued <--(lapse, abandon, lost connection)-- locked --(settled)--> leaving --(durable)-->
//   gone
//                             |                                             ^                      ^
//                             +-----------------(delivered)-----------------+                      |
//                             +-----------------(expired, purged)----------------------------------+
// Source: azure-docs iot-hub-devguide-messages-c2d, "The cloud-to-device message life cycle" (queued is Enqueued,
// locked is Invisible).
#pragma once

#include "protocol/ids.hpp"
#include "storage/message_record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// One delivery of one message; void once the lock has lapsed or the message was delivered anew.
struct MessageLock {
  std::uint64_t sequence_number = 0;
  std::uint64_t number = 0;

  bool operator==(const MessageLock&) const = default;
};
/// In the form of a GUID, as clients know lock tokens.
[[nodiscard]] std::string to_text(const MessageLock& lock);
[[nodiscard]] std::optional<MessageLock> parse_message_lock(std::string_view text);

class MessageQueue {
 public:
  enum class State : std::uint8_t { arriving, queued, locked, leaving };
  struct Message {
    std::uint64_t sequence_number = 0;
    storage::MessageHeader header;  ///< generation_id is the queue's to know: empty here
    State state = State::arriving;
    // while locked
    std::uint64_t lock_number = 0;
    std::uint64_t consumer = 0;
    Timestamp locked_until;
  };

  /// `sequence_number` is higher than every one before.
  void add(std::uint64_t sequence_number, storage::MessageHeader header, State state);
  void remove(std::uint64_t sequence_number);

  [[nodiscard]] std::size_t size() const { return messages_.size(); }
  [[nodiscard]] bool empty() const { return messages_.empty(); }
  /// Messages that are durably there.
  [[nodiscard]] std::uint32_t count() const;
  [[nodiscard]] std::size_t locked_by(std::uint64_t consumer) const;

  // nullptr: there is none. Pointers are good until the next add() or remove().
  [[nodiscard]] Message* find(std::uint64_t sequence_number);
  /// The message that `lock` still holds.
  [[nodiscard]] Message* find(const MessageLock& lock);
  /// The oldest that may be delivered. A message that is still arriving holds up those behind it: first in, first out.
  [[nodiscard]] Message* next(Timestamp now);
  [[nodiscard]] std::vector<Message*> all_of(State state);
  /// Queued messages whose time is over. A locked one may still be completed.
  [[nodiscard]] std::vector<Message*> expired(Timestamp now);

  static void lock(Message& message, std::uint64_t number, std::uint64_t consumer, Timestamp until);
  static void unlock(Message& message);
  /// Unlocks what has been locked for too long; false when there is none.
  bool lapse(Timestamp now);

  /// When a lock lapses or a message expires; nullopt when nothing will by itself.
  [[nodiscard]] std::optional<Timestamp> deadline() const;

 private:
  std::vector<Message> messages_;  // by sequence number
};

}  // namespace twinhub::hub
