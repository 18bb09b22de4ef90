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

/// Source: azure-docs iot-hub-devguide-identity-registry ("modules").
inline constexpr std::size_t modules_per_device_max = 50;
// Ceilings on what a record keeps. A scope is "ms-azure-iot-edge://{device id}-{ticks}"; IoT Hub knows one parent (azure-
// docs iot-edge-hierarchy), and documents no ceiling for a manager's name.
inline constexpr std::size_t scope_bytes_max = 256;
inline constexpr std::size_t parent_scopes_max = 16;
inline constexpr std::size_t managed_by_bytes_max = 1024;

// The modules of the IoT Edge runtime itself: the hub makes them, the runtime and its deployments alone change them.
inline constexpr std::string_view edge_agent = "$edgeAgent";
inline constexpr std::string_view edge_hub = "$edgeHub";
[[nodiscard]] inline bool is_system_module(const IdentityId& id) {
  return id.module == edge_agent || id.module == edge_hub;
}

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
  std::string device_scope;                ///< of an edge device its own, of a leaf its parent's; empty = absent
  std::vector<std::string> parent_scopes;  ///< the parent's: of a leaf that is its device_scope
  std::string managed_by;                  ///< modules only
};

/// A leaf's parent is one fact under two names: gives both of them to a device that has one of them. A record of a time
/// when they were apart may lack either; deviceScope wins.
void unite_scopes_of_leaf(Identity& identity);

/// The state of an identity that its record does not hold; both the identity's and the twin's views show it.
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
  bool no_capabilities = false;    ///< the body says nothing of them
  bool no_scopes = false;          ///< ... neither of deviceScope nor of parentScopes
};

/// Reads the body of PUT /devices/{id} or PUT /devices/{id}/modules/{mid} (`id` says which). Read-only and unknown
/// members are ignored. Errors: iot_hub_format_error (not a JSON object), argument_invalid (lengths, one key of two,
/// thumbprint form, type, status, status reason, scopes, id differs from the path, members of another kind).
[[nodiscard]] Result<IdentityRequest> parse_identity_request(const IdentityId& id, std::string_view body);
/// The same of a body that has been parsed. REQUIRES: `root` is an object.
[[nodiscard]] Result<IdentityRequest> read_identity_request(const IdentityId& id, const json::Value& root);

/// Appends `,"authentication":{...}` as identities and lines of an export have it; with `keys` false, symmetric keys
/// are null.
void append_authentication(std::string& out, const Identity& identity, bool keys = true);
/// Appends `,"capabilities":{...}`, deviceScope where there is one, and parentScopes.
void append_edge(std::string& out, const Identity& identity);

/// Appends the identity object as GET /devices/{id} (or .../modules/{mid}) answers it, field order as IoT Hub's.
void append_identity(std::string& out, const Identity& identity, const Activity& activity);

}  // namespace twinhub::iothub
