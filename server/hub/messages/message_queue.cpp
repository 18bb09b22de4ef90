#include "server/hub/messages/message_queue.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace twinhub::hub {
namespace {

constexpr std::array<std::size_t, 4> dashes_at{8, 13, 18, 23};  // of a GUID's 36 characters
constexpr std::size_t guid_length = 36;
constexpr std::size_t digits_of_number = 16;

void append_hex(std::string& out, std::uint64_t number) {
  constexpr std::string_view hex_digits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(hex_digits[number >> shift & 0xF]);
}

std::optional<std::uint64_t> parse_hex(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string to_text(const MessageLock& lock) {
  std::string text;
  append_hex(text, lock.number);
  append_hex(text, lock.sequence_number);
  for (const std::size_t at : dashes_at) text.insert(at, 1, '-');
  return text;
}

std::optional<MessageLock> parse_message_lock(std::string_view text) {
  if (text.size() != guid_length) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = std::find(dashes_at.begin(), dashes_at.end(), i) != dashes_at.end();
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) digits += text[i];
  }
  const auto number = parse_hex(std::string_view(digits).substr(0, digits_of_number));
  const auto sequence_number = parse_hex(std::string_view(digits).substr(digits_of_number));
  if (!number || !sequence_number) return std::nullopt;
  return MessageLock{*sequence_number, *number};
}

void MessageQueue::add(std::uint64_t sequence_number, storage::MessageHeader header, const Life& life, State state) {
  Message message;
  message.sequence_number = sequence_number;
  message.header = std::move(header);
  message.life = life;
  message.state = state;
  messages_.push_back(std::move(message));
}

void MessageQueue::remove(std::uint64_t sequence_number) {
  std::erase_if(messages_, [&](const Message& message) { return message.sequence_number == sequence_number; });
}

std::uint32_t MessageQueue::count() const {
  return static_cast<std::uint32_t>(std::count_if(
      messages_.begin(), messages_.end(), [](const Message& message) { return message.state != State::arriving; }));
}

std::size_t MessageQueue::locked_by(std::uint64_t consumer) const {
  return static_cast<std::size_t>(std::count_if(messages_.begin(), messages_.end(), [&](const Message& message) {
    return message.state == State::locked && message.consumer == consumer;
  }));
}

MessageQueue::Message* MessageQueue::find(std::uint64_t sequence_number) {
  for (Message& message : messages_) {
    if (message.sequence_number == sequence_number) return &message;
  }
  return nullptr;
}

MessageQueue::Message* MessageQueue::find(const MessageLock& lock) {
  Message* message = find(lock.sequence_number);
  if (message == nullptr || message->state != State::locked || message->lock_number != lock.number) return nullptr;
  return message;
}

MessageQueue::Message* MessageQueue::next(const Moment& now) {
  for (Message& message : messages_) {
    if (message.state == State::arriving) return nullptr;
    const bool lives = message.life.valid_until > now.wall && message.life.lasts_until > now.steady;
    if (message.state == State::queued && lives) return &message;
  }
  return nullptr;
}

std::vector<MessageQueue::Message*> MessageQueue::all_of(State state) {
  std::vector<Message*> found;
  for (Message& message : messages_) {
    if (message.state == state) found.push_back(&message);
  }
  return found;
}

std::vector<MessageQueue::Message*> MessageQueue::expired(Timestamp wall) {
  std::vector<Message*> found = all_of(State::queued);
  std::erase_if(found, [&](const Message* message) { return message->life.valid_until > wall; });
  return found;
}

std::vector<MessageQueue::Message*> MessageQueue::outlasted(Timestamp steady) {
  std::vector<Message*> found = all_of(State::queued);
  std::erase_if(found, [&](const Message* message) { return message->life.lasts_until > steady; });
  return found;
}

void MessageQueue::lock(Message& message, std::uint64_t number, std::uint64_t consumer, Timestamp until) {
  message.state = State::locked;
  message.lock_number = number;
  message.consumer = consumer;
  message.locked_until = until;
  message.header.delivered = true;
}

void MessageQueue::unlock(Message& message) { message.state = State::queued; }

bool MessageQueue::lapse(Timestamp steady) {
  bool any = false;
  for (Message* message : all_of(State::locked)) {
    if (message->locked_until > steady) continue;
    unlock(*message);
    any = true;
  }
  return any;
}

std::optional<Timestamp> MessageQueue::wall_deadline() const {
  Timestamp earliest = never;
  for (const Message& message : messages_) {
    if (message.state == State::queued) earliest = std::min(earliest, message.life.valid_until);
  }
  return earliest == never ? std::nullopt : std::optional(earliest);
}

std::optional<Timestamp> MessageQueue::steady_deadline() const {
  Timestamp earliest = never;
  for (const Message& message : messages_) {
    if (message.state == State::queued) earliest = std::min(earliest, message.life.lasts_until);
    if (message.state == State::locked) earliest = std::min(earliest, message.locked_until);
  }
  return earliest == never ? std::nullopt : std::optional(earliest);
}

}  // namespace twinhub::hub
