#include "server/amqp/event_message.hpp"

#include "protocol/amqp/encode.hpp"
#include "protocol/amqp/message.hpp"
#include "protocol/amqp/value.hpp"
#include "protocol/json/text.hpp"
#include "server/amqp/message_fields.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace twinhub::amqp_door {
namespace {

using amqp::Value;

/// System properties that are fields of AMQP's own properties section.
struct Fields {
  std::optional<std::string_view> message_id, user_id, correlation_id, content_type, content_encoding;
};

/// Text of any bytes: clients in Python fail on a string that is not UTF-8.
void append_any_text(std::string& out, std::string_view bytes) {
  if (json::is_utf8(bytes)) return amqp::append_string(out, bytes);
  amqp::append_string(out, json::to_utf8(bytes));
}

/// Pairs of a map, as they are encoded.
struct Pairs {
  std::string bytes = {};
  std::size_t count = 0;  ///< of keys and values together

  std::string& annotation(std::string_view key) {
    count += 2;
    amqp::append_symbol(bytes, key);
    return bytes;
  }
  void text(std::string_view key, std::string_view value) { append_any_text(annotation(key), value); }
  void value(std::string_view key, const Value& value) { amqp::append_value(annotation(key), value); }
  void property(std::string_view key, std::string_view value) {
    count += 2;
    append_any_text(bytes, key);
    append_any_text(bytes, value);
  }
  void append_to(std::string& out, std::uint8_t section) const {
    if (count == 0) return;
    amqp::append_descriptor(out, section);
    amqp::append_map(out, count, bytes);
  }
};

Value timestamp(Timestamp at) { return Value::timestamp(milliseconds_of(at)); }

/// The field of that name, or null when the property is no field.
std::optional<std::string_view>* field_of(Fields& fields, std::string_view name) {
  if (name == "message-id") return &fields.message_id;
  if (name == "user-id") return &fields.user_id;
  if (name == "correlation-id") return &fields.correlation_id;
  if (name == "content-type") return &fields.content_type;
  if (name == "content-encoding") return &fields.content_encoding;
  return nullptr;
}

/// IoT Hub shows these system properties among the application properties.
bool is_shown_as_application_property(std::string_view name) {
  return name == "iothub-creation-time-utc" || name == "iothub-message-schema";
}

std::string_view value_of(const iothub::Property& property) {
  return property.value ? std::string_view(*property.value) : std::string_view();
}

void append_fields(std::string& out, const Fields& fields) {
  const auto append = [](std::string& to, const std::optional<std::string_view>& field, auto write) {
    if (!field) return amqp::append_value(to, {});
    write(to, *field);
  };
  if (!fields.message_id && !fields.user_id && !fields.correlation_id && !fields.content_type &&
      !fields.content_encoding) {
    return;
  }
  std::string encoded;
  append(encoded, fields.message_id, append_any_text);
  append(encoded, fields.user_id, amqp::append_binary);
  for (int i = 0; i < 3; ++i) amqp::append_value(encoded, {});  // to, subject, reply-to
  append(encoded, fields.correlation_id, append_any_text);
  append(encoded, fields.content_type, amqp::append_symbol);
  append(encoded, fields.content_encoding, amqp::append_symbol);
  amqp::append_descriptor(out, amqp::sections::properties);
  amqp::append_list(out, 8, encoded);
}

}  // namespace

void append_event(std::string& out, const storage::StoredEvent& stored) {
  const storage::Event& event = stored.event;
  Pairs annotations, application;
  annotations.bytes.reserve(512);
  annotations.value("x-opt-sequence-number", Value::int64(static_cast<std::int64_t>(stored.sequence_number)));
  annotations.text("x-opt-offset", std::to_string(stored.sequence_number));
  annotations.value("x-opt-enqueued-time", timestamp(stored.appended));
  annotations.value("iothub-enqueuedtime", timestamp(event.enqueued));
  Fields fields;
  for (const iothub::Property& property : event.system) {
    if (auto* const field = field_of(fields, property.name)) {
      *field = value_of(property);
    } else if (is_shown_as_application_property(property.name)) {
      application.property(property.name, value_of(property));
    } else {
      annotations.text(property.name, value_of(property));
    }
  }
  for (const iothub::Property& property : event.application) application.property(property.name, value_of(property));
  annotations.append_to(out, amqp::sections::message_annotations);
  append_fields(out, fields);
  application.append_to(out, amqp::sections::application_properties);
  amqp::append_descriptor(out, amqp::sections::data);
  amqp::append_binary(out, event.body);
}

void append_partition_figures(std::string& out, const PartitionFigures& figures) {
  Pairs annotations;
  annotations.value("last_enqueued_sequence_number", Value::int64(figures.last_sequence_number));
  annotations.text("last_enqueued_offset", std::to_string(figures.last_sequence_number));
  annotations.value("last_enqueued_time_utc", timestamp(figures.last_enqueued));
  annotations.value("runtime_info_retrieval_time_utc", timestamp(figures.retrieved));
  annotations.append_to(out, amqp::sections::delivery_annotations);
}

}  // namespace twinhub::amqp_door
