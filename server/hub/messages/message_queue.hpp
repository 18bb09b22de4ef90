// What is known in memory of one device's cloud-to-device messages: their order, states and deadlines, not their
// content. Pure: no store, no clock, no thread.
//
// arriving --(durable)--> queued <--(lapse, abandon, lost connection)-- locked --(settled)--> leaving --(durable)--> gone
//                           |                                             ^                      ^
//                           +-----------------(delivered)-----------------+                      |
//                           +-----------------(expired, purged)----------------------------------+
// Source: azure-docs iot-hub-devguide-messages-c2d, "The cloud-to-device message life cycle" (queued is Enqueued,
// locked is Invisible).
#pragma once

#include "protocol/ids.hpp"
#include "storage/format/message_record.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
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

/// Later than every moment.
inline constexpr Timestamp never{std::numeric_limits<std::uint64_t>::max()};

class MessageQueue {
 public:
  /// One moment on the two clocks that a message's deadlines stand on; they must not be compared with each other.
  struct Moment {
    Timestamp wall;
    Timestamp steady;
  };
  /// When a message is over: at the first of the two. What was said as a time of day is read off the wall clock, which
  /// can be wrong for a while; how long the hub keeps a message is counted on the steady clock, which cannot.
  struct Life {
    Timestamp valid_until = never;  ///< wall clock
    Timestamp lasts_until = never;  ///< steady clock
  };
  enum class State : std::uint8_t { arriving, queued, locked, leaving };
  struct Message {
    std::uint64_t sequence_number = 0;
    storage::MessageHeader header;  ///< generation_id is the queue's to know: empty here
    Life life;
    State state = State::arriving;
    // while locked
    std::uint64_t lock_number = 0;
    std::uint64_t consumer = 0;
    Timestamp locked_until;  ///< steady clock
  };

  /// `sequence_number` is higher than every one before.
  void add(std::uint64_t sequence_number, storage::MessageHeader header, const Life& life, State state);
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
  [[nodiscard]] Message* next(const Moment& now);
  [[nodiscard]] std::vector<Message*> all_of(State state);
  // Queued messages that are over, by one clock. A locked one may still be completed.
  [[nodiscard]] std::vector<Message*> expired(Timestamp wall);
  [[nodiscard]] std::vector<Message*> outlasted(Timestamp steady);

  static void lock(Message& message, std::uint64_t number, std::uint64_t consumer, Timestamp until);
  static void unlock(Message& message);
  /// Unlocks what has been locked for too long; false when there is none.
  bool lapse(Timestamp steady);

  // When something happens by itself: nullopt when nothing will.
  /// A message's validity ends.
  [[nodiscard]] std::optional<Timestamp> wall_deadline() const;
  /// A lock lapses, or a message has been kept for as long as the hub keeps it.
  [[nodiscard]] std::optional<Timestamp> steady_deadline() const;

 private:
  std::vector<Message> messages_;  // by sequence number
};

}  // namespace twinhub::hub
