// How a record becomes bytes, and back (FORMAT.md); events: event_record.hpp. Every record starts with its format
// version.
#pragma once

#include "protocol/error.hpp"
#include "protocol/iothub/identity.hpp"
#include "protocol/twin/document.hpp"
#include "protocol/twin/view.hpp"
#include "storage/format/session.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace twinhub::storage {

void encode(std::string& out, const iothub::Identity& identity);
void encode(std::string& out, const twin::Twin& twin);
void encode(std::string& out, const Session& session);

/// The size of encode(twin).
[[nodiscard]] std::size_t encoded_bytes(const twin::Twin& twin);
/// Whether encode(twin) has the field of configurations.
[[nodiscard]] bool has_configurations(const twin::Twin& twin);

// Errors: server_error for bytes that are no such record.
/// The id is not in the bytes: it is the key.
[[nodiscard]] Result<iothub::Identity> decode_identity(const IdentityId& id, std::string_view bytes);
[[nodiscard]] Result<twin::Twin> decode_twin(std::string_view bytes);
[[nodiscard]] Result<Session> decode_session(std::string_view bytes);
/// The twin as it lies in `bytes`, which must outlive the view.
[[nodiscard]] Result<twin::TwinView> view_twin(std::string_view bytes);

}  // namespace twinhub::storage
