#include "protocol/iothub/identity.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/member.hpp"
#include "protocol/json/text.hpp"

#include <algorithm>

namespace twinhub::iothub {
namespace {

constexpr std::size_t key_bytes_min = 16;
constexpr std::size_t key_bytes_max = 64;
constexpr std::size_t status_reason_characters_max = 128;

Error invalid(std::string detail) { return fail(Errc::argument_invalid, std::move(detail)); }

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

/// Member `name` as a string: absent and null give "", another kind an Error.
Result<std::string> text_member(const json::Value& object, std::string_view name) {
  const auto member = json::member_of(object, name);
  if (!member || member->is_null()) return std::string();
  auto text = member->string();
  if (!text) return invalid(std::string(name) + " must be a string");
  return std::move(*text);
}

/// Member `name` as an object: absent and null give none, another kind an Error.
Result<std::optional<json::Value>> object_member(const json::Value& object, std::string_view name) {
  auto member = json::member_of(object, name);
  if (!member || member->is_null()) return std::optional<json::Value>();
  if (!member->is_object()) return invalid(std::string(name) + " must be an object");
  return member;
}

Result<void> check_key(const std::string& key) {
  const auto bytes = base64_decode(key);
  if (!bytes) return invalid("Invalid device key: it is not base64");
  if (bytes->size() < key_bytes_min || bytes->size() > key_bytes_max) return invalid("Invalid device key length");
  return {};
}

Result<void> read_keys(const json::Value& authentication, Identity& wanted) {
  const auto keys = object_member(authentication, "symmetricKey");
  if (!keys) return keys.error();
  if (!*keys) return {};
  auto primary = text_member(**keys, "primaryKey");
  if (!primary) return primary.error();
  auto secondary = text_member(**keys, "secondaryKey");
  if (!secondary) return secondary.error();
  if (primary->empty() != secondary->empty()) return invalid("Either no keys or both keys can be set");
  if (primary->empty()) return {};
  for (const std::string* key : {&*primary, &*secondary}) {
    if (const auto checked = check_key(*key); !checked) return checked.error();
  }
  wanted.primary_key = std::move(*primary);
  wanted.secondary_key = std::move(*secondary);
  return {};
}

bool is_thumbprint(std::string_view text) {
  const bool hex = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
  return hex && (text.size() == 40 || text.size() == 64);
}

Result<void> read_thumbprints(const json::Value& authentication, Identity& wanted) {
  const auto thumbprints = object_member(authentication, "x509Thumbprint");
  if (!thumbprints) return thumbprints.error();
  if (!*thumbprints) return {};
  for (const auto& [name, target] : {std::pair{"primaryThumbprint", &wanted.primary_thumbprint},
                                     std::pair{"secondaryThumbprint", &wanted.secondary_thumbprint}}) {
    auto text = text_member(**thumbprints, name);
    if (!text) return text.error();
    if (!text->empty() && !is_thumbprint(*text)) {
      return invalid("StringIsNotThumbprint: " + std::string(name) + " must be 40 or 64 hex digits");
    }
    *target = std::move(*text);
  }
  return {};
}

Result<AuthenticationType> read_type(const json::Value& authentication, const Identity& wanted, bool is_module) {
  auto text = text_member(authentication, "type");
  if (!text) return text.error();
  const std::string name = lower(*text);
  const bool has_thumbprint = !wanted.primary_thumbprint.empty() || !wanted.secondary_thumbprint.empty();
  if (name.empty()) return has_thumbprint ? AuthenticationType::self_signed : AuthenticationType::sas;
  if (name == "sas") return AuthenticationType::sas;
  if (name == "selfsigned") return AuthenticationType::self_signed;
  if (name == "certificateauthority") return AuthenticationType::certificate_authority;
  if (name == "none" && is_module) return AuthenticationType::sas;
  return invalid("authentication.type '" + *text + "' is not supported; use sas, selfSigned or certificateAuthority");
}

Result<void> read_authentication(const json::Value& body, IdentityRequest& request, bool is_module) {
  const auto authentication = json::member_of(body, "authentication");
  if (!authentication || authentication->is_null()) {
    request.generate_keys = true;
    request.no_authentication = true;
    return {};
  }
  if (!authentication->is_object()) return invalid("authentication must be an object");
  Identity& wanted = request.wanted;
  if (const auto read = read_keys(*authentication, wanted); !read) return read.error();
  if (const auto read = read_thumbprints(*authentication, wanted); !read) return read.error();
  const auto type = read_type(*authentication, wanted, is_module);
  if (!type) return type.error();
  wanted.authentication = *type;
  const bool has_keys = !wanted.primary_key.empty();
  const bool has_thumbprints = !wanted.primary_thumbprint.empty() || !wanted.secondary_thumbprint.empty();
  if (has_keys && (has_thumbprints || *type != AuthenticationType::sas)) {
    return invalid("symmetric keys and X.509 authentication cannot be set together");
  }
  if (has_thumbprints && *type != AuthenticationType::self_signed) {
    return invalid("thumbprints can be set with authentication type selfSigned only");
  }
  request.generate_keys = *type == AuthenticationType::sas && !has_keys;
  return {};
}

std::size_t character_count(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

Result<void> read_status(const json::Value& body, Identity& wanted) {
  auto status = text_member(body, "status");
  if (!status) return status.error();
  const std::string name = lower(*status);
  if (!name.empty() && name != "enabled" && name != "disabled") return invalid("status must be enabled or disabled");
  wanted.status = name == "disabled" ? Status::disabled : Status::enabled;

  auto reason = text_member(body, "statusReason");
  if (!reason) return reason.error();
  if (character_count(*reason) > status_reason_characters_max)
    return invalid("statusReason has more than 128 characters");
  if (!reason->empty()) wanted.status_reason = std::move(*reason);
  return {};
}

Result<void> read_capabilities(const json::Value& body, Identity& wanted) {
  const auto capabilities = object_member(body, "capabilities");
  if (!capabilities) return capabilities.error();
  const auto edge = *capabilities ? json::member_of(**capabilities, "iotEdge") : std::nullopt;
  if (!edge || edge->is_null()) return {};
  const auto is_edge = edge->to_boolean();
  if (!is_edge) return invalid("capabilities.iotEdge must be true or false");
  wanted.iot_edge = *is_edge;
  return {};
}

Result<void> read_parent_scopes(const json::Value& body, Identity& wanted) {
  const auto parents = json::member_of(body, "parentScopes");
  if (!parents || parents->is_null()) return {};
  if (parents->kind() != json::Kind::array) return invalid("parentScopes must be an array");
  for (const json::Value parent : *parents) {
    auto text = parent.string();
    if (!text) return invalid("parentScopes must be strings");
    if (text->size() > scope_bytes_max) return invalid("A scope of parentScopes has more than 256 bytes");
    if (wanted.parent_scopes.size() == parent_scopes_max) return invalid("parentScopes has more than 16 scopes");
    wanted.parent_scopes.push_back(std::move(*text));
  }
  return {};
}

Result<void> read_edge(const json::Value& body, Identity& wanted) {
  if (const auto read = read_capabilities(body, wanted); !read) return read.error();
  auto scope = text_member(body, "deviceScope");
  if (!scope) return scope.error();
  if (scope->size() > scope_bytes_max) return invalid("deviceScope has more than 256 bytes");
  wanted.device_scope = std::move(*scope);
  return read_parent_scopes(body, wanted);
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ',';
  json::append_key(out, name);
  json::append_string(out, text);
}

void append_nullable(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) return append_member(out, name, text);
  out += ',';
  json::append_key(out, name);
  out += "null";
}

}  // namespace

std::string_view to_string(AuthenticationType type) {
  switch (type) {
    case AuthenticationType::sas:
      return "sas";
    case AuthenticationType::self_signed:
      return "selfSigned";
    case AuthenticationType::certificate_authority:
      return "certificateAuthority";
    case AuthenticationType::none:
      return "none";
  }
  return "none";
}

std::string_view to_string(Status status) { return status == Status::enabled ? "enabled" : "disabled"; }

void unite_scopes_of_leaf(Identity& identity) {
  if (identity.iot_edge || identity.id.is_module()) return;
  if (identity.device_scope.empty() && !identity.parent_scopes.empty())
    identity.device_scope = identity.parent_scopes.front();
  identity.parent_scopes.clear();
  if (!identity.device_scope.empty()) identity.parent_scopes.push_back(identity.device_scope);
}

Result<IdentityRequest> parse_identity_request(const IdentityId& id, std::string_view body) {
  auto document = json::parse(body);
  if (!document) return document.error();
  const json::Value root = document->root();
  if (!root.is_object()) return fail(Errc::iot_hub_format_error, "The body must be a JSON object");
  return read_identity_request(id, root);
}

Result<IdentityRequest> read_identity_request(const IdentityId& id, const json::Value& root) {
  IdentityRequest request;
  for (const auto& [name, expected, target] : {std::tuple{"deviceId", &id.device, &request.body_device_id},
                                               std::tuple{"moduleId", &id.module, &request.body_module_id}}) {
    auto text = text_member(root, name);
    if (!text) return text.error();
    if (text->empty()) continue;
    if (*text != *expected) return invalid(std::string(name) + " in the body differs from the one in the path");
    *target = std::move(*text);
  }
  if (const auto read = read_authentication(root, request, id.is_module()); !read) return read.error();
  if (const auto read = read_status(root, request.wanted); !read) return read.error();
  if (const auto read = read_edge(root, request.wanted); !read) return read.error();
  const auto capabilities = json::member_of(root, "capabilities");
  request.no_capabilities = !capabilities || capabilities->is_null();
  request.no_scopes = !json::member_of(root, "deviceScope") && !json::member_of(root, "parentScopes");
  auto managed_by = text_member(root, "managedBy");
  if (!managed_by) return managed_by.error();
  if (managed_by->size() > managed_by_bytes_max) return invalid("managedBy has more than 1024 bytes");
  if (id.is_module()) request.wanted.managed_by = std::move(*managed_by);
  return request;
}

void append_edge(std::string& out, const Identity& identity) {
  out += R"(,"capabilities":{"iotEdge":)";
  out += identity.iot_edge ? "true}" : "false}";
  if (!identity.device_scope.empty()) append_member(out, "deviceScope", identity.device_scope);
  out += R"(,"parentScopes":[)";
  for (std::size_t i = 0; i < identity.parent_scopes.size(); ++i) {
    if (i > 0) out += ',';
    json::append_string(out, identity.parent_scopes[i]);
  }
  out += ']';
}

void append_authentication(std::string& out, const Identity& identity, bool keys) {
  out += R"(,"authentication":{"symmetricKey":{)";
  std::string members;
  append_nullable(members, "primaryKey", keys ? identity.primary_key : "");
  append_nullable(members, "secondaryKey", keys ? identity.secondary_key : "");
  out.append(members, 1);
  out += R"(},"x509Thumbprint":{)";
  members.clear();
  append_nullable(members, "primaryThumbprint", identity.primary_thumbprint);
  append_nullable(members, "secondaryThumbprint", identity.secondary_thumbprint);
  out.append(members, 1);
  out += '}';
  append_member(out, "type", to_string(identity.authentication));
  out += '}';
}

void append_identity(std::string& out, const Identity& identity, const Activity& activity) {
  const bool is_module = identity.id.is_module();
  std::string members;
  if (is_module) {
    append_member(members, "moduleId", identity.id.module);
    append_nullable(members, "managedBy", identity.managed_by);
  }
  append_member(members, "deviceId", identity.id.device);
  append_member(members, "generationId", identity.generation_id);
  append_member(members, "etag", identity_etag(identity.etag));
  append_member(members, "connectionState", activity.connected ? "Connected" : "Disconnected");
  if (!is_module) {
    append_member(members, "status", to_string(identity.status));
    append_nullable(members, "statusReason", identity.status_reason.value_or(""));
  }
  append_member(members, "connectionStateUpdatedTime", to_iso8601(activity.connection_state_updated));
  if (!is_module) append_member(members, "statusUpdatedTime", to_iso8601(identity.status_updated));
  append_member(members, "lastActivityTime", to_iso8601(activity.last_activity));
  members += R"(,"cloudToDeviceMessageCount":)" + std::to_string(activity.cloud_to_device_message_count);
  append_authentication(members, identity);
  if (!is_module) append_edge(members, identity);
  out += '{';
  out.append(members, 1);
  out += '}';
}

}  // namespace twinhub::iothub
