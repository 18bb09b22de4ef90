// An AMQP message as its sections. Source: OASIS AMQP 1.0 part 3, section 3.2 ("Message Format").
#pragma once

#include "protocol/amqp/value.hpp"
#include "protocol/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::amqp {

/// message-format of a transfer that holds a batch: each data section is one encoded message.
inline constexpr std::uint32_t batch_format = 0x80013700;

/// Their descriptors' codes.
namespace sections {
inline constexpr std::uint8_t header = 0x70, delivery_annotations = 0x71, message_annotations = 0x72, properties = 0x73,
                              application_properties = 0x74, data = 0x75, sequence = 0x76, value = 0x77, footer = 0x78;
}  // namespace sections

struct Header {
  bool durable = false;
  std::optional<std::uint32_t> ttl_milliseconds = {};
  std::uint32_t delivery_count = 0;
};

/// An empty text is an absent field.
struct Properties {
  Value message_id = {};  ///< ulong, uuid, binary or string: null when absent
  std::optional<std::string> user_id = {};
  std::string to = {};
  std::string subject = {};
  std::string reply_to = {};
  Value correlation_id = {};
  std::string content_type = {};
  std::string content_encoding = {};
  std::optional<std::int64_t> absolute_expiry_time = {};  ///< milliseconds since 1970
  std::optional<std::int64_t> creation_time = {};
};

struct Message {
  std::optional<Header> header = {};
  Value delivery_annotations = Value::map();  ///< symbol keys
  Value message_annotations = Value::map();   ///< symbol keys
  Properties properties = {};
  Value application_properties = Value::map();  ///< string keys
  std::vector<std::string> data = {};           ///< data sections; a batch has several
  std::optional<Value> value = {};              ///< an amqp-value section; of amqp-sequence sections, one list
};

/// Sections in any order, each but data and sequence once; the footer is read past. Errors: argument_invalid (the bytes
/// are no message, or hold more values than DecodeLimits allow).
[[nodiscard]] Result<Message> decode_message(std::string_view bytes);
/// Sections that hold nothing are left out; a message with neither data nor value has no body section.
[[nodiscard]] std::string encode_message(const Message& message);

/// The body as bytes: all data sections joined; else an amqp-value of string or binary. nullopt: it is another value.
[[nodiscard]] std::optional<std::string> body_bytes(const Message& message);
/// The same, of a message whose body is not needed any more.
[[nodiscard]] std::optional<std::string> body_bytes(Message&& message);

}  // namespace twinhub::amqp
