// A device or module identity: the registry's record, and its JSON on the service API.
// Source: azure-docs iot-hub-devguide-identity-registry, service API 2021-04-12 ("Device", "Module").
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/json/document.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::iothub {

/// Stored on disk (storage/FORMAT.md): never renumber.
enum class AuthenticationType : std::uint8_t { sas = 0, self_signed = 1, certificate_authority = 2, none = 3 };
enum class Status : std::uint8_t { enabled = 0, disabled = 1 };

[[nodiscard]] std::string_view to_string(
    AuthenticationType type);                             // "sas", "selfSigned", "certificateAuthority", "none"
[[nodiscard]] std::string_view to_string(Status status);  // "enabled", "disabled"

struct Identity {
  IdentityId id;
  std::string generation_id;  ///< decimal digits: ticks of the creation
  std::uint64_t etag = 0;     ///< shown by identity_etag(); changes with every identity write
  Status status = Status::enabled;
  std::optional<std::string> status_reason;  ///< at most 128 characters
  Timestamp status_updated;
  AuthenticationType authentication = AuthenticationType::sas;
  std::string primary_key;  ///< base64 text as given, 16-64 bytes; empty when not sas
  std::string secondary_key;
  std::string primary_thumbprint;  ///< 40 or 64 hex digits as given, or empty
  std::string secondary_thumbprint;
  bool iot_edge = false;
  std::string device_scope;  ///< empty = absent
  std::vector<std::string> parent_scopes;
  std::string managed_by;  ///< modules only
};

/// What the hub knows of an identity beside its record: shown in both the identity and the twin.
struct Activity {
  bool connected = false;
  Timestamp connection_state_updated;
  Timestamp last_activity;
  std::uint32_t cloud_to_device_message_count = 0;
};

/// The parts of an identity that a back end may set, as read from a PUT body. Absent keys are for the hub to generate.
struct IdentityRequest {
  std::optional<std::string> body_device_id;  ///< must equal the path's when present
  std::optional<std::string> body_module_id;
  Identity wanted;                 ///< id, generation_id, etag, times are not set here
  bool generate_keys = false;      ///< type sas and no key given
  bool no_authentication = false;  ///< the body says nothing of it: type sas, keys for the hub to generate
};

/// Reads the body of PUT /devices/{id} or PUT /devices/{id}/modules/{mid} (`id` says which). Read-only and unknown
/// members are ignored. Errors: iot_hub_format_error (not a JSON object), argument_invalid (lengths, one key of two,
/// thumbprint form, type, status, status reason, id differs from the path).
[[nodiscard]] Result<IdentityRequest> parse_identity_request(const IdentityId& id, std::string_view body);
/// The same of a body that has been parsed. REQUIRES: `root` is an object.
[[nodiscard]] Result<IdentityRequest> read_identity_request(const IdentityId& id, const json::Value& root);

/// Appends `,"authentication":{...}` as identities and lines of an export have it; with `keys` false, symmetric keys
/// are null.
void append_authentication(std::string& out, const Identity& identity, bool keys = true);
/// Appends `,"capabilities":{...}` and, where there are any, scopes.
void append_edge(std::string& out, const Identity& identity);

/// Appends the identity object as GET /devices/{id} (or .../modules/{mid}) answers it, field order as IoT Hub's.
void append_identity(std::string& out, const Identity& identity, const Activity& activity);

}  // namespace twinhub::iothub
