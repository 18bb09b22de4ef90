// Keys of stored records (FORMAT.md): ordered so that a device's things stand together and id order is scan order.
#pragma once

#include "protocol/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::storage {

/// device '\0' module; ids hold no '\0', so a device comes right before its modules.
[[nodiscard]] std::string entity_key(const IdentityId& id);
[[nodiscard]] std::optional<IdentityId> parse_entity_key(std::string_view key);
/// The start of the keys of a device and its modules.
[[nodiscard]] std::string device_prefix(std::string_view device);
/// The start of the keys of what `id` owns: device '\0' module '\0'.
[[nodiscard]] std::string owned_prefix(const IdentityId& id);

/// "device" or "device/module", for messages.
[[nodiscard]] std::string name_of(const IdentityId& id);

/// partition (4 bytes) and first sequence number (8 bytes), both big-endian.
[[nodiscard]] std::string event_key(std::uint32_t partition, std::uint64_t sequence_number);
struct EventKey {
  std::uint32_t partition = 0;
  std::uint64_t sequence_number = 0;
};
[[nodiscard]] std::optional<EventKey> parse_event_key(std::string_view key);

}  // namespace twinhub::storage
