#include "protocol/amqp/message.hpp"

#include "protocol/amqp/decode.hpp"
#include "protocol/amqp/encode.hpp"

#include <utility>

namespace twinhub::amqp {
namespace {

Error malformed(std::string what) { return fail(Errc::argument_invalid, std::move(what)); }

template <class List>
auto item(List& list, std::size_t index) -> decltype(list.items.data()) {
  return index < list.items.size() && !list.items[index].is_null() ? &list.items[index] : nullptr;
}

/// "" when it is absent, or no text: bytes that have not been held against UTF-8 go nowhere as a text.
std::string take_text(Value& list, std::size_t index) {
  Value* const found = item(list, index);
  return found != nullptr && found->is_text() ? std::move(found->text) : std::string();
}

std::optional<std::int64_t> number_item(const Value& list, std::size_t index) {
  const Value* found = item(list, index);
  return found != nullptr ? found->integer() : std::nullopt;
}

Header header_of(const Value& list) {
  Header header;
  if (const Value* durable = item(list, 0)) header.durable = durable->bits != 0;
  if (const auto ttl = number_item(list, 2)) header.ttl_milliseconds = static_cast<std::uint32_t>(*ttl);
  if (const auto count = number_item(list, 4)) header.delivery_count = static_cast<std::uint32_t>(*count);
  return header;
}

bool is_id(const Value& value) {
  return value.type == Type::ulong_ || value.type == Type::uuid || value.type == Type::binary ||
         value.type == Type::string;
}

/// nullopt: an id is of a type that ids may not have.
std::optional<Properties> take_properties(Value& list) {
  Properties properties;
  for (const auto& [index, id] : {std::pair{0, &properties.message_id}, std::pair{5, &properties.correlation_id}}) {
    Value* const found = item(list, static_cast<std::size_t>(index));
    if (found == nullptr) continue;
    if (!is_id(*found)) return std::nullopt;
    *id = std::move(*found);
  }
  if (Value* const user = item(list, 1); user != nullptr && user->chars() != nullptr)
    properties.user_id = std::move(user->text);
  properties.to = take_text(list, 2);
  properties.subject = take_text(list, 3);
  properties.reply_to = take_text(list, 4);
  properties.content_type = take_text(list, 6);
  properties.content_encoding = take_text(list, 7);
  properties.absolute_expiry_time = number_item(list, 8);
  properties.creation_time = number_item(list, 9);
  return properties;
}

/// False when the section is of the wrong type, or one that may stand once has stood before.
bool take_section(Message& message, std::uint64_t code, Value&& section, std::uint32_t& seen) {
  if (code < sections::header || code > sections::footer) return false;
  const std::uint32_t bit = 1U << (code - sections::header);
  const bool repeats = code == sections::data || code == sections::sequence;
  if (!repeats && (seen & bit) != 0) return false;
  seen |= bit;
  const bool is_map = section.type == Type::map;
  switch (code) {
    case sections::header:
      if (section.type != Type::list) return false;
      message.header = header_of(section);
      return true;
    case sections::delivery_annotations:
      message.delivery_annotations = std::move(section);
      return is_map;
    case sections::message_annotations:
      message.message_annotations = std::move(section);
      return is_map;
    case sections::properties:
      if (section.type != Type::list) return false;
      if (auto read = take_properties(section)) {
        message.properties = std::move(*read);
        return true;
      }
      return false;
    case sections::application_properties:
      message.application_properties = std::move(section);
      return is_map;
    case sections::data:
      if (section.type != Type::binary) return false;
      message.data.push_back(std::move(section.text));
      return true;
    case sections::sequence:
      if (section.type != Type::list) return false;
      if (!message.value) message.value = Value::list({});
      for (Value& one : section.items) message.value->items.push_back(std::move(one));
      return true;
    case sections::value:
      message.value = std::move(section);
      return true;
    default:
      return true;  // the footer
  }
}

void append_text_field(std::string& out, const std::string& text, bool is_symbol = false) {
  if (text.empty()) return append_value(out, {});
  if (is_symbol) return append_symbol(out, text);
  append_string(out, text);
}

void append_time_field(std::string& out, const std::optional<std::int64_t>& milliseconds) {
  append_value(out, milliseconds ? Value::timestamp(*milliseconds) : Value());
}

void append_header(std::string& out, const Header& header) {
  std::string fields;
  append_value(fields, Value::boolean(header.durable));
  append_value(fields, {});  // priority: the default
  append_value(fields, header.ttl_milliseconds ? Value::uint(*header.ttl_milliseconds) : Value());
  append_value(fields, {});  // first-acquirer
  append_value(fields, Value::uint(header.delivery_count));
  append_descriptor(out, sections::header);
  append_list(out, 5, fields);
}

void append_properties(std::string& out, const Properties& of) {
  std::string fields;
  append_value(fields, of.message_id);
  append_value(fields, of.user_id ? Value::binary(*of.user_id) : Value());
  append_text_field(fields, of.to);
  append_text_field(fields, of.subject);
  append_text_field(fields, of.reply_to);
  append_value(fields, of.correlation_id);
  append_text_field(fields, of.content_type, true);
  append_text_field(fields, of.content_encoding, true);
  append_time_field(fields, of.absolute_expiry_time);
  append_time_field(fields, of.creation_time);
  if (fields.find_first_not_of('\x40') == std::string::npos) return;  // all of them null
  append_descriptor(out, sections::properties);
  append_list(out, 10, fields);
}

void append_map_section(std::string& out, std::uint8_t code, const Value& map) {
  if (map.items.empty()) return;
  append_descriptor(out, code);
  append_value(out, map);
}

}  // namespace

Result<Message> decode_message(std::string_view bytes) {
  Decoder decoder(bytes);
  Message message;
  std::uint32_t seen = 0;
  while (!decoder.at_end()) {
    const auto code = decoder.descriptor();
    auto section = code ? decoder.next() : std::nullopt;
    if (!section) return malformed("The message's sections cannot be read");
    if (!take_section(message, *code, std::move(*section), seen))
      return malformed("The message has a section that no AMQP message has there");
  }
  return message;
}

std::string encode_message(const Message& message) {
  std::string out;
  if (message.header) append_header(out, *message.header);
  append_map_section(out, sections::delivery_annotations, message.delivery_annotations);
  append_map_section(out, sections::message_annotations, message.message_annotations);
  append_properties(out, message.properties);
  append_map_section(out, sections::application_properties, message.application_properties);
  for (const std::string& one : message.data) {
    append_descriptor(out, sections::data);
    append_binary(out, one);
  }
  if (message.value && message.data.empty()) {
    append_descriptor(out, sections::value);
    append_value(out, *message.value);
  }
  return out;
}

std::optional<std::string> body_bytes(Message&& message) {
  if (message.data.size() == 1) return std::move(message.data.front());
  return body_bytes(message);
}

std::optional<std::string> body_bytes(const Message& message) {
  if (message.data.size() == 1) return message.data.front();
  if (!message.data.empty() || !message.value || message.value->is_null()) {
    std::string joined;
    for (const std::string& one : message.data) joined += one;
    return joined;
  }
  if (const std::string* chars = message.value->chars()) return *chars;
  return std::nullopt;
}

}  // namespace twinhub::amqp
