#include "storage/format/notice.hpp"

#include "storage/format/event_record.hpp"

#include <utility>

namespace twinhub::storage {
namespace {

struct Kind {
  std::string_view source_name;
  std::string_view schema;
};

Kind kind_of(EventSource source) {
  switch (source) {
    case EventSource::device_lifecycle:
      return {"deviceLifecycleEvents", "deviceLifecycleNotification"};
    case EventSource::connection_state:
      return {"deviceConnectionStateEvents", "deviceConnectionStateNotification"};
    default:
      return {"twinChangeEvents", "twinChangeNotification"};
  }
}

/// .NET's round-trip form, as IoT Hub writes operationTimestamp: always seven fractional digits.
std::string operation_timestamp(Timestamp at) {
  constexpr std::size_t size_with_fraction = std::string_view("2026-11-23T05:40:00.1234567Z").size();
  std::string text = to_iso8601(at);
  text.pop_back();
  if (text.find('.') == std::string::npos) text += '.';
  text.resize(size_with_fraction - 1, '0');
  return text + 'Z';
}

/// Tells events of the same moment apart, and is the same each time that an event is read; eight hex digits.
std::string correlation_id(const IdentityId& id, Timestamp now) {
  constexpr std::string_view hex_digits = "0123456789abcdef";
  const std::uint64_t whom = device_hash(id.device) ^ (id.is_module() ? ~device_hash(id.module) : 0);
  std::uint64_t mixed = (now.ticks ^ whom) * 0x9E37'79B9'7F4A'7C15ULL;
  std::string text;
  for (int i = 0; i < 8; ++i, mixed <<= 4) text += hex_digits[mixed >> 60];
  return text;
}

void append_hex(std::string& out, std::uint64_t value, unsigned digits) {
  constexpr std::string_view hex_digits = "0123456789ABCDEF";
  for (unsigned i = digits; i > 0; --i) out += hex_digits[value >> (4 * (i - 1)) & 0xF];
}

}  // namespace

Event make_notice(EventSource source, IdentityId id, std::string_view operation, Timestamp at, Timestamp now) {
  const Kind kind = kind_of(source);
  Event event;
  event.source = source;
  event.enqueued = now;
  event.system = {{"content-type", "application/json"},
                  {"content-encoding", "utf-8"},
                  {"correlation-id", correlation_id(id, now)},
                  {"iothub-connection-device-id", id.device}};
  if (id.is_module()) event.system.push_back({"iothub-connection-module-id", id.module});
  event.system.push_back({"iothub-message-source", std::string(kind.source_name)});
  event.application = {{"deviceId", id.device}};
  if (id.is_module()) event.application.push_back({"moduleId", id.module});
  event.application.push_back({"opType", std::string(operation)});
  event.application.push_back({"iothub-message-schema", std::string(kind.schema)});
  event.application.push_back({"operationTimestamp", operation_timestamp(at)});
  event.id = std::move(id);
  return event;
}

/// 256 bits as 64 hex digits, compared as text. Laid out as IoT Hub's are seen to be: a FILETIME (100 ns since 1601) in
/// the second quarter, then a constant and a counter; here the FILETIME alone never repeats.
std::string connection_state_body(std::uint64_t sequence) {
  constexpr std::uint64_t filetime_epoch_ticks = 504'911'232'000'000'000;
  std::string text = R"({"sequenceNumber":")";
  append_hex(text, 0, 16);
  append_hex(text, sequence - filetime_epoch_ticks, 16);
  append_hex(text, 2, 8);
  append_hex(text, 0, 16);
  append_hex(text, 1, 8);
  return text + "\"}";
}

}  // namespace twinhub::storage
