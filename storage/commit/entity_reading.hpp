// Identities and twins as the engine holds them; an Error names the record that it is about.
#pragma once

#include "protocol/error.hpp"
#include "storage/engine/engine.hpp"
#include "storage/format/keys.hpp"
#include "storage/format/record.hpp"

#include <optional>
#include <string_view>

namespace twinhub::storage {

/// `decoded`, its Error with the name of `id`.
template <class T>
[[nodiscard]] Result<T> named(Result<T> decoded, const IdentityId& id) {
  if (!decoded) return fail(decoded.error().code, decoded.error().detail + ": " + name_of(id));
  return decoded;
}

/// nullopt: there is none. Errors: service_unavailable; server_error for bytes that are no such record.
[[nodiscard]] inline Result<std::optional<iothub::Identity>> read_identity(const Reading& reading,
                                                                           const IdentityId& id) {
  return reading.get(Family::identities, entity_key(id),
                     [&](std::string_view bytes) { return named(decode_identity(id, bytes), id); });
}
[[nodiscard]] inline Result<std::optional<twin::Twin>> read_twin(const Reading& reading, const IdentityId& id) {
  return reading.get(Family::twins, entity_key(id),
                     [&](std::string_view bytes) { return named(decode_twin(bytes), id); });
}

}  // namespace twinhub::storage
