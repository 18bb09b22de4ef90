#include "storage/format/event_record.hpp"

#include "storage/format/bytes.hpp"
#include "storage/format/notice.hpp"
#include "storage/format/property_list.hpp"

#include <cstring>
#include <utility>

namespace twinhub::storage {
namespace {

constexpr std::uint8_t event_format = 2;
constexpr std::uint8_t event_format_with_all_properties = 1;

/// Stored: never renumber.
enum class Kind : std::uint8_t {
  telemetry = 0,
  twin_changed = 1,
  twin_replaced = 2,
  identity_created = 3,
  identity_deleted = 4,
  connected = 5,
  disconnected = 6,
};

// Stored bits of a telemetry message.
constexpr std::uint8_t retain_bit = 1;
constexpr std::uint8_t dup_bit = 2;
constexpr std::uint8_t will_bit = 4;
constexpr std::uint8_t policy_bit = 8;
constexpr std::uint8_t x509_bit = 16;
constexpr std::uint8_t model_bit = 32;

// Stored bits of a twin change.
constexpr std::uint8_t tags_bit = 1;
constexpr std::uint8_t desired_bit = 2;
constexpr std::uint8_t reported_bit = 4;

EventSource source_of(Kind kind) {
  switch (kind) {
    case Kind::telemetry:
      return EventSource::telemetry;
    case Kind::twin_changed:
    case Kind::twin_replaced:
      return EventSource::twin_change;
    case Kind::identity_created:
    case Kind::identity_deleted:
      return EventSource::device_lifecycle;
    case Kind::connected:
    case Kind::disconnected:
      return EventSource::connection_state;
  }
  return EventSource::telemetry;
}

constexpr std::size_t fixed_bytes_max = 64;  // of a record: all but its texts

Error corrupt() { return fail(Errc::server_error, "a stored event cannot be read"); }

/// Appends one record: what all kinds share, then what `write_rest` writes.
template <class WriteRest>
void write_record(std::string& out, Kind kind, Timestamp enqueued, std::string_view device, std::string_view module,
                  const WriteRest& write_rest) {
  ByteWriter writer(out);
  writer.integer(event_format);
  const std::size_t length_at = out.size();
  writer.integer(std::uint32_t{0});
  const std::size_t begin = out.size();
  writer.integer(kind);
  writer.integer(enqueued.ticks);
  writer.short_text(device);
  writer.short_text(module);
  write_rest(writer);
  const auto length = static_cast<std::uint32_t>(out.size() - begin);
  std::memcpy(out.data() + length_at, &length, sizeof length);
}

/// One of the hub's own events; `text_bytes`: about what `write_rest` writes.
template <class WriteRest>
EncodedEvent make_event(Kind kind, const IdentityId& id, Timestamp now, std::size_t text_bytes,
                        const WriteRest& write_rest) {
  EncodedEvent event{device_hash(id.device), {}, source_of(kind)};
  event.bytes.reserve(fixed_bytes_max + id.device.size() + id.module.size() + text_bytes);
  write_record(event.bytes, kind, now, id.device, id.module, write_rest);
  return event;
}

std::size_t text_bytes(const std::optional<twin::SectionChange>& section) { return section ? section->text.size() : 0; }

void write_section(ByteWriter& writer, const std::optional<twin::SectionChange>& section) {
  if (!section) return;
  writer.varint(section->version);
  writer.short_text(section->text);
}

twin::SectionChange view_section(ByteReader& reader) {
  const std::uint64_t version = reader.varint();
  return {reader.short_view(), version};
}

Event read_telemetry(ByteReader& reader, IdentityId id, Timestamp enqueued) {
  const auto bits = reader.integer<std::uint8_t>();
  const std::string_view generation_id = reader.short_view();
  const std::string_view model_id = (bits & model_bit) != 0 ? reader.short_view() : std::string_view();
  auto [system, application] = iothub::parse_telemetry_properties(reader.short_view());
  const iothub::AuthMethod authenticated{(bits & policy_bit) != 0, (bits & x509_bit) != 0};
  // None of these is a name that a sender can give a system property.
  system.push_back({"iothub-connection-device-id", id.device});
  if (id.is_module()) system.push_back({"iothub-connection-module-id", id.module});
  system.push_back({"iothub-connection-auth-method", iothub::to_text(authenticated, id)});
  system.push_back({"iothub-connection-auth-generation-id", std::string(generation_id)});
  system.push_back({"iothub-message-source", "Telemetry"});
  if (!model_id.empty()) system.push_back({"dt-dataschema", std::string(model_id)});
  if ((bits & retain_bit) != 0) iothub::set_property(application, "mqtt-retain", "true");
  if ((bits & dup_bit) != 0) iothub::set_property(application, "mqtt-dup", "true");
  if ((bits & will_bit) != 0) iothub::set_property(application, "iothub-MessageType", "Will");
  return {EventSource::telemetry, std::move(id),          enqueued,
          std::move(system),      std::move(application), std::string(reader.view(reader.left()))};
}

Result<Event> read_twin_changed(ByteReader& reader, IdentityId id, Timestamp enqueued) {
  const auto bits = reader.integer<std::uint8_t>();
  twin::Change change;
  change.version = reader.varint();
  if ((bits & tags_bit) != 0) change.tags = reader.short_view();
  if ((bits & desired_bit) != 0) change.desired = view_section(reader);
  if ((bits & reported_bit) != 0) change.reported = view_section(reader);
  if (!reader.ok()) return corrupt();
  Event event = make_notice(EventSource::twin_change, std::move(id), "updateTwin", enqueued, enqueued);
  auto body = twin::change_notice(change, enqueued);
  if (!body) return corrupt();
  event.body = std::move(*body);
  return event;
}

Event read_lifecycle(ByteReader& reader, IdentityId id, std::string_view operation, Timestamp enqueued) {
  const std::string_view written = reader.view(reader.left());
  std::string body = written.empty() ? twin::lifecycle_notice(id) : std::string(written);
  Event event = make_notice(EventSource::device_lifecycle, std::move(id), operation, enqueued, enqueued);
  event.body = std::move(body);
  return event;
}

Event read_connection_state(ByteReader& reader, IdentityId id, std::string_view operation, Timestamp enqueued) {
  const Timestamp at{reader.integer<std::uint64_t>()};
  const auto sequence = reader.integer<std::uint64_t>();
  Event event = make_notice(EventSource::connection_state, std::move(id), operation, at, enqueued);
  event.body = connection_state_body(sequence);
  return event;
}

/// `record`: all behind its length.
Result<Event> decode_record(std::string_view record) {
  ByteReader reader(record);
  const auto kind = reader.enumerator(Kind::disconnected);
  const Timestamp enqueued{reader.integer<std::uint64_t>()};
  IdentityId id;
  id.device = reader.short_view();
  id.module = reader.short_view();
  if (!reader.ok()) return corrupt();
  Result<Event> event{corrupt()};
  switch (kind) {
    case Kind::telemetry:
      event = read_telemetry(reader, std::move(id), enqueued);
      break;
    case Kind::twin_changed:
      event = read_twin_changed(reader, std::move(id), enqueued);
      break;
    case Kind::twin_replaced:
      event = make_notice(EventSource::twin_change, std::move(id), "replaceTwin", enqueued, enqueued);
      event->body = reader.view(reader.left());
      break;
    case Kind::identity_created:
      event = read_lifecycle(reader, std::move(id), "createDeviceIdentity", enqueued);
      break;
    case Kind::identity_deleted:
      event = read_lifecycle(reader, std::move(id), "deleteDeviceIdentity", enqueued);
      break;
    case Kind::connected:
      event = read_connection_state(reader, std::move(id), "deviceConnected", enqueued);
      break;
    case Kind::disconnected:
      event = read_connection_state(reader, std::move(id), "deviceDisconnected", enqueued);
      break;
  }
  if (!reader.ok() || reader.left() != 0) return corrupt();
  return event;
}

Result<Event> decode_all_properties(ByteReader& reader) {
  Event event;
  event.source = reader.enumerator(EventSource::connection_state);
  event.enqueued.ticks = reader.integer<std::uint64_t>();
  event.id.device = reader.text();
  event.id.module = reader.text();
  event.system = read_properties(reader);
  event.application = read_properties(reader);
  event.body = reader.text();
  if (!reader.ok()) return corrupt();
  return event;
}

}  // namespace

std::uint64_t device_hash(std::string_view device) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : device) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  return hash;
}

std::size_t bytes_at_most(const TelemetryDraft& telemetry) {
  return fixed_bytes_max + telemetry.device.size() + telemetry.module.size() + telemetry.generation_id.size() +
         telemetry.model_id.size() + telemetry.property_bag.size() + telemetry.body.size();
}

void encode(std::string& out, const TelemetryDraft& telemetry) {
  const auto& [by_policy, by_certificate] = telemetry.authenticated;
  const auto bits = static_cast<std::uint8_t>(
      (telemetry.retain ? retain_bit : 0) | (telemetry.dup ? dup_bit : 0) | (telemetry.is_will ? will_bit : 0) |
      (by_policy ? policy_bit : 0) | (by_certificate ? x509_bit : 0) | (telemetry.model_id.empty() ? 0 : model_bit));
  write_record(out, Kind::telemetry, telemetry.enqueued, telemetry.device, telemetry.module, [&](ByteWriter& writer) {
    writer.integer(bits);
    writer.short_text(telemetry.generation_id);
    if (!telemetry.model_id.empty()) writer.short_text(telemetry.model_id);
    writer.short_text(telemetry.property_bag);
    writer.raw(telemetry.body.data(), telemetry.body.size());
  });
}

EncodedEvent encode(const TelemetryDraft& telemetry) {
  EncodedEvent event{device_hash(telemetry.device), {}};
  event.bytes.reserve(bytes_at_most(telemetry));
  encode(event.bytes, telemetry);
  return event;
}

EncodedEvent twin_changed_event(const IdentityId& id, const twin::Change& change, Timestamp now) {
  const auto bits = static_cast<std::uint8_t>(
      (change.tags.empty() ? 0 : tags_bit) | (change.desired ? desired_bit : 0) | (change.reported ? reported_bit : 0));
  return make_event(Kind::twin_changed, id, now,
                    change.tags.size() + text_bytes(change.desired) + text_bytes(change.reported),
                    [&](ByteWriter& writer) {
                      writer.integer(bits);
                      writer.varint(change.version);
                      if (!change.tags.empty()) writer.short_text(change.tags);
                      write_section(writer, change.desired);
                      write_section(writer, change.reported);
                    });
}

EncodedEvent twin_replaced_event(const IdentityId& id, std::string_view body, Timestamp now) {
  return make_event(Kind::twin_replaced, id, now, body.size(),
                    [&](ByteWriter& writer) { writer.raw(body.data(), body.size()); });
}

EncodedEvent identity_created_event(const IdentityId& id, Timestamp now, std::string_view body) {
  return make_event(Kind::identity_created, id, now, body.size(),
                    [&](ByteWriter& writer) { writer.raw(body.data(), body.size()); });
}

EncodedEvent identity_deleted_event(const IdentityId& id, Timestamp now, std::string_view body) {
  return make_event(Kind::identity_deleted, id, now, body.size(),
                    [&](ByteWriter& writer) { writer.raw(body.data(), body.size()); });
}

EncodedEvent connection_state_event(const IdentityId& id, bool connected, std::uint64_t sequence, Timestamp at,
                                    Timestamp now) {
  return make_event(connected ? Kind::connected : Kind::disconnected, id, now, 0, [&](ByteWriter& writer) {
    writer.integer(at.ticks);
    writer.integer(sequence);
  });
}

Result<Event> decode_event(std::string_view& bytes) {
  ByteReader reader(bytes);
  const auto format = reader.integer<std::uint8_t>();
  Result<Event> event{corrupt()};
  if (format == event_format) {
    const std::string_view record = reader.view(reader.integer<std::uint32_t>());
    if (reader.ok()) event = decode_record(record);
  } else if (format == event_format_with_all_properties) {
    event = decode_all_properties(reader);
  }
  if (event) bytes.remove_prefix(bytes.size() - reader.left());
  return event;
}

Result<void> skip_event(std::string_view& bytes) {
  ByteReader reader(bytes);
  if (reader.integer<std::uint8_t>() != event_format) {
    const auto event = decode_event(bytes);
    return event ? Result<void>() : Result<void>(event.error());
  }
  reader.view(reader.integer<std::uint32_t>());
  if (!reader.ok()) return corrupt();
  bytes.remove_prefix(bytes.size() - reader.left());
  return {};
}

}  // namespace twinhub::storage
