#include "storage/format/message_record.hpp"

#include "storage/format/bytes.hpp"
#include "storage/format/keys.hpp"
#include "storage/format/property_list.hpp"

namespace twinhub::storage {
namespace {

constexpr std::uint8_t header_format = 1;
constexpr std::uint8_t content_format = 1;
constexpr std::uint8_t counter_format = 1;
constexpr std::uint8_t feedback_format = 1;
constexpr std::size_t number_bytes = 8;

Error corrupt(std::string_view what) {
  return fail(Errc::server_error, "a stored " + std::string(what) + " cannot be read");
}

void append_number(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift & 0xFF));
}

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

std::string message_key(std::string_view device, MessagePart part, std::uint64_t sequence_number) {
  std::string key = owned_prefix({std::string(device), {}});
  key.push_back(static_cast<char>(part));
  if (part != MessagePart::next_sequence_number) append_number(key, sequence_number);
  return key;
}

std::optional<MessageKey> parse_message_key(std::string_view key) {
  const std::size_t end = key.find('\0');
  // device, '\0', no module, '\0', part
  if (end == std::string_view::npos || end == 0 || key.size() < end + 3 || key[end + 1] != '\0') return std::nullopt;
  MessageKey parsed{std::string(key.substr(0, end)), {}, 0};
  const auto part = static_cast<unsigned char>(key[end + 2]);
  key.remove_prefix(end + 3);
  if (part > static_cast<unsigned char>(MessagePart::content)) return std::nullopt;
  parsed.part = static_cast<MessagePart>(part);
  if (key.size() != (parsed.part == MessagePart::next_sequence_number ? 0 : number_bytes)) return std::nullopt;
  parsed.sequence_number = read_number(key);
  return parsed;
}

std::string message_header_prefix(std::string_view device) {
  std::string prefix = owned_prefix({std::string(device), {}});
  prefix.push_back(static_cast<char>(MessagePart::header));
  return prefix;
}

std::string message_keys_end(std::string_view device) { return owned_prefix({std::string(device), {}}) + '\xFF'; }

std::string feedback_key(std::uint64_t number, std::string_view life) {
  std::string key;
  append_number(key, number);
  key += life;
  return key;
}

void encode(std::string& out, const MessageHeader& header) {
  ByteWriter writer(out);
  writer.integer(header_format);
  writer.integer(header.enqueued.ticks);
  writer.integer(header.expires.ticks);
  writer.integer(header.acknowledgement);
  writer.integer(header.delivery_count);
  writer.integer(static_cast<std::uint8_t>(header.delivered));
  writer.text(header.generation_id);
  writer.text(header.message_id);
}

Result<MessageHeader> decode_message_header(std::string_view bytes) {
  ByteReader reader(bytes);
  MessageHeader header;
  if (reader.integer<std::uint8_t>() != header_format) return corrupt("message header");
  header.enqueued.ticks = reader.integer<std::uint64_t>();
  header.expires.ticks = reader.integer<std::uint64_t>();
  header.acknowledgement = reader.enumerator(iothub::Acknowledgement::full);
  header.delivery_count = reader.integer<std::uint8_t>();
  header.delivered = reader.integer<std::uint8_t>() != 0;
  header.generation_id = reader.text();
  header.message_id = reader.text();
  if (!reader.ok() || reader.left() != 0) return corrupt("message header");
  return header;
}

void encode(std::string& out, const iothub::CloudToDeviceMessage& content) {
  out.reserve(out.size() + 128 + content.body.size());
  ByteWriter writer(out);
  writer.integer(content_format);
  for (const auto* text : {&content.message_id, &content.correlation_id, &content.user_id, &content.content_type,
                           &content.content_encoding, &content.to}) {
    writer.text(*text);
  }
  writer.integer(content.acknowledgement);
  writer.integer(static_cast<std::uint8_t>(content.expiry.has_value()));
  if (content.expiry) writer.integer(content.expiry->ticks);
  write_properties(writer, content.properties);
  writer.text(content.body);
}

Result<iothub::CloudToDeviceMessage> decode_message_content(std::string_view bytes) {
  ByteReader reader(bytes);
  iothub::CloudToDeviceMessage content;
  if (reader.integer<std::uint8_t>() != content_format) return corrupt("message");
  for (auto* text : {&content.message_id, &content.correlation_id, &content.user_id, &content.content_type,
                     &content.content_encoding, &content.to}) {
    *text = reader.text();
  }
  content.acknowledgement = reader.enumerator(iothub::Acknowledgement::full);
  if (reader.integer<std::uint8_t>() != 0) content.expiry = Timestamp{reader.integer<std::uint64_t>()};
  content.properties = read_properties(reader);
  content.body = reader.text();
  if (!reader.ok() || reader.left() != 0) return corrupt("message");
  return content;
}

void encode(std::string& out, const FeedbackRecord& feedback) {
  ByteWriter writer(out);
  writer.integer(feedback_format);
  writer.integer(feedback.at.ticks);
  writer.integer(feedback.outcome);
  writer.text(feedback.device);
  writer.text(feedback.generation_id);
  writer.text(feedback.message_id);
}

Result<FeedbackRecord> decode_feedback(std::string_view bytes) {
  ByteReader reader(bytes);
  FeedbackRecord feedback;
  if (reader.integer<std::uint8_t>() != feedback_format) return corrupt("feedback");
  feedback.at.ticks = reader.integer<std::uint64_t>();
  feedback.outcome = reader.enumerator(MessageOutcome::purged);
  feedback.device = reader.text();
  feedback.generation_id = reader.text();
  feedback.message_id = reader.text();
  if (!reader.ok() || reader.left() != 0) return corrupt("feedback");
  return feedback;
}

std::string encode_next_sequence_number(std::uint64_t number) {
  std::string out;
  ByteWriter writer(out);
  writer.integer(counter_format);
  writer.integer(number);
  return out;
}

Result<std::uint64_t> decode_next_sequence_number(std::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.integer<std::uint8_t>() != counter_format) return corrupt("sequence number");
  const auto number = reader.integer<std::uint64_t>();
  if (!reader.ok() || reader.left() != 0) return corrupt("sequence number");
  return number;
}

}  // namespace twinhub::storage
