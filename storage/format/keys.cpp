#include "storage/format/keys.hpp"

namespace twinhub::storage {
namespace {

void append_big_endian(std::string& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i > 0; --i) out.push_back(static_cast<char>(value >> (8 * (i - 1)) & 0xFF));
}

std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string entity_key(const IdentityId& id) {
  std::string key;
  key.reserve(id.device.size() + 1 + id.module.size());
  key.append(id.device).append(1, '\0').append(id.module);
  return key;
}

std::optional<IdentityId> parse_entity_key(std::string_view key) {
  const std::size_t end = key.find('\0');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  return IdentityId{std::string(key.substr(0, end)), std::string(key.substr(end + 1))};
}

std::string device_prefix(std::string_view device) { return std::string(device) + '\0'; }

std::string owned_prefix(const IdentityId& id) { return entity_key(id) + '\0'; }

std::string name_of(const IdentityId& id) { return id.is_module() ? id.device + "/" + id.module : id.device; }

std::string event_key(std::uint32_t partition, std::uint64_t sequence_number) {
  std::string key;
  append_big_endian(key, partition, 4);
  append_big_endian(key, sequence_number, 8);
  return key;
}

std::optional<EventKey> parse_event_key(std::string_view key) {
  if (key.size() != 12) return std::nullopt;
  return EventKey{static_cast<std::uint32_t>(read_big_endian(key.substr(0, 4))), read_big_endian(key.substr(4))};
}

}  // namespace twinhub::storage
