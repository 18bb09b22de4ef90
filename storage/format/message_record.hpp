// How cloud-to-device messages and their feedback lie in keyed records (FORMAT.md). A message is two records: a small
// header, which says how far its delivery is, and its content, which is read when it is delivered.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/cloud_to_device.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::storage {

struct MessageHeader {
  Timestamp enqueued;
  Timestamp expires;
  iothub::Acknowledgement acknowledgement = iothub::Acknowledgement::none;
  std::uint8_t delivery_count = 0;  ///< how often it was abandoned
  bool delivered = false;           ///< it may have reached the device before
  std::string generation_id;        ///< of the device that it was sent to
  std::string message_id;           ///< kept here for feedback; "" when the sender wants none

  bool operator==(const MessageHeader&) const = default;
};

/// Why a message left its queue. Stored on disk (FORMAT.md): never renumber.
enum class MessageOutcome : std::uint8_t {
  success = 0,
  expired = 1,
  delivery_count_exceeded = 2,
  rejected = 3,
  purged = 4,
};

struct FeedbackRecord {
  Timestamp at;  ///< of the outcome
  MessageOutcome outcome = MessageOutcome::success;
  std::string device;
  std::string generation_id;
  std::string message_id;

  bool operator==(const FeedbackRecord&) const = default;
};

/// What a key of RecordKind::messages names: each device has one counter and, per message, a header and a content.
enum class MessagePart : std::uint8_t { next_sequence_number = 0, header = 1, content = 2 };
struct MessageKey {
  std::string device;
  MessagePart part = MessagePart::header;
  std::uint64_t sequence_number = 0;  ///< 0 for the counter
};
/// owned_prefix, part (1), and for headers and contents the sequence number (8, big-endian).
[[nodiscard]] std::string message_key(std::string_view device, MessagePart part, std::uint64_t sequence_number = 0);
[[nodiscard]] std::optional<MessageKey> parse_message_key(std::string_view key);
/// Every header of a device begins with this.
[[nodiscard]] std::string message_header_prefix(std::string_view device);
/// Behind every key of the device, before those of the next one.
[[nodiscard]] std::string message_keys_end(std::string_view device);

/// number (8, big-endian), the order in which feedback came about; then `life`, random bytes that keep the keys of one
/// process apart from those of others.
[[nodiscard]] std::string feedback_key(std::uint64_t number, std::string_view life);

void encode(std::string& out, const MessageHeader& header);
void encode(std::string& out, const iothub::CloudToDeviceMessage& content);
void encode(std::string& out, const FeedbackRecord& feedback);
[[nodiscard]] std::string encode_next_sequence_number(std::uint64_t number);

// Errors: server_error for bytes that are no such record.
[[nodiscard]] Result<MessageHeader> decode_message_header(std::string_view bytes);
[[nodiscard]] Result<iothub::CloudToDeviceMessage> decode_message_content(std::string_view bytes);
[[nodiscard]] Result<FeedbackRecord> decode_feedback(std::string_view bytes);
[[nodiscard]] Result<std::uint64_t> decode_next_sequence_number(std::string_view bytes);

}  // namespace twinhub::storage
