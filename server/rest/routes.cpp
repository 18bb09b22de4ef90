#include "server/rest/routes.hpp"

#include "protocol/iothub/connect_fields.hpp"
#include "protocol/iothub/identity.hpp"
#include "protocol/json/lenient.hpp"
#include "server/hub/access/authenticator.hpp"
#include "server/hub/access/refusal_cause.hpp"
#include "server/rest/api_version.hpp"
#include "server/rest/handlers.hpp"
#include "server/rest/refusal.hpp"

#include <algorithm>
#include <ostream>

namespace twinhub::rest {
namespace {

using hub::Operation;
using hub::Right;
using verb = boost::beast::http::verb;

/// The rights that a token's policy must have: all of `all`, or else all of `or_else`.
struct Rights {
  constexpr Rights(Right needed) : all(needed) {}  // NOLINT: most routes need one right
  constexpr Rights(Right needed, Right instead) : all(needed), or_else(instead) {}
  Right all;
  Right or_else = Right::none;  ///< none: there is no other way
};

/// What a device reaches by its own key or certificate, beside what policies open; and what its $edgeHub alone reaches.
enum class Own : std::uint8_t { nothing, modules, scope };

struct Route {
  verb method;
  std::string_view pattern;  ///< {id}: device, {mid}: module, {x}: any name
  Rights rights;
  Operation operation;  ///< by which IoT Hub limits it
  Handler handler;
  Own own = Own::nothing;
};

// Which of the two rights IoT Hub asks for is not documented (inferred).
constexpr Rights read_configurations{Right::registry_read, Right::service_connect};
constexpr Rights write_configurations{Right::registry_write, Right::service_connect};

// A pattern of literal words stands before one with a placeholder in its place. Devices' own routes are Operation::
// unlimited where the hub asks its gate for the device.
constexpr Route routes[] = {
    {verb::get, "/devices", Right::registry_read, Operation::registry, list_devices},
    {verb::put, "/devices/{id}", Right::registry_write, Operation::registry, put_identity},
    {verb::get, "/devices/{id}", Right::registry_read, Operation::registry, get_identity},
    {verb::delete_, "/devices/{id}", Right::registry_write, Operation::registry, delete_identity},
    {verb::get, "/devices/{id}/modules", Right::registry_read, Operation::registry, list_modules, Own::modules},
    {verb::put, "/devices/{id}/modules/{mid}", Right::registry_write, Operation::registry, put_identity, Own::modules},
    {verb::get, "/devices/{id}/modules/{mid}", Right::registry_read, Operation::registry, get_identity, Own::modules},
    {verb::delete_, "/devices/{id}/modules/{mid}", Right::registry_write, Operation::registry, delete_identity,
     Own::modules},

    {verb::get, "/devices/{id}/modules/{mid}/devicesAndModulesInDeviceScope", Right::none, Operation::registry,
     list_device_scope, Own::scope},
    {verb::get, "/devices/{id}/modules/{mid}/deviceAndModuleInDeviceScope", Right::none, Operation::registry,
     find_in_device_scope, Own::scope},
    {verb::post, "/devices/{id}/modules/{mid}/devicesAndModulesInTargetDeviceScope", Right::none, Operation::registry,
     list_target_scope, Own::scope},
    {verb::post, "/devices/{id}/modules/{mid}/getDeviceAndModuleOnBehalfOf", Right::none, Operation::registry,
     find_on_behalf_of, Own::scope},

    {verb::post, "/devices", Right::registry_write, Operation::registry, post_devices},
    {verb::post, "/devices/keys/regenerate", Right::registry_write, Operation::registry, regenerate_keys},
    {verb::get, "/statistics/devices", Right::registry_read, Operation::unlimited, device_statistics},
    {verb::get, "/statistics/service", Right::registry_read, Operation::unlimited, service_statistics},
    // twinhub's own route: the lines that IoT Hub's export job writes into a blob
    {verb::get, "/registry/export", Right::registry_read | Right::service_connect, Operation::query, export_registry},

    {verb::get, "/certificates", Right::registry_read, Operation::unlimited, list_certificates},
    {verb::put, "/certificates/{x}", Right::registry_write, Operation::unlimited, put_certificate},
    {verb::get, "/certificates/{x}", Right::registry_read, Operation::unlimited, get_certificate},
    {verb::delete_, "/certificates/{x}", Right::registry_write, Operation::unlimited, delete_certificate},
    {verb::post, "/certificates/{x}/generateVerificationCode", Right::registry_write, Operation::unlimited,
     generate_verification_code},
    {verb::post, "/certificates/{x}/verify", Right::registry_write, Operation::unlimited, verify_certificate},

    {verb::get, "/twins/{id}", Right::service_connect, Operation::twin_read, get_twin},
    {verb::patch, "/twins/{id}", Right::service_connect, Operation::twin_update, patch_twin},
    {verb::put, "/twins/{id}", Right::service_connect, Operation::twin_update, replace_twin},
    {verb::get, "/twins/{id}/modules/{mid}", Right::service_connect, Operation::twin_read, get_twin},
    {verb::patch, "/twins/{id}/modules/{mid}", Right::service_connect, Operation::twin_update, patch_twin},
    {verb::put, "/twins/{id}/modules/{mid}", Right::service_connect, Operation::twin_update, replace_twin},

    {verb::post, "/devices/query", Right::service_connect, Operation::query, post_query},

    {verb::get, "/jobs/v2/query", Right::service_connect, Operation::query, list_jobs},
    {verb::put, "/jobs/v2/{x}", Right::service_connect, Operation::job, put_job},
    {verb::get, "/jobs/v2/{x}", Right::service_connect, Operation::job, get_job},
    {verb::post, "/jobs/v2/{x}/cancel", Right::service_connect, Operation::job, cancel_job},
    {verb::get, "/configurations", read_configurations, Operation::configuration, list_configurations},
    {verb::post, "/configurations/testQueries", read_configurations, Operation::configuration,
     test_configuration_queries},
    {verb::put, "/configurations/{x}", write_configurations, Operation::configuration, put_configuration},
    {verb::get, "/configurations/{x}", read_configurations, Operation::configuration, get_configuration},
    {verb::delete_, "/configurations/{x}", write_configurations, Operation::configuration, delete_configuration},
    {verb::post, "/devices/{id}/applyConfigurationContent", write_configurations, Operation::configuration,
     apply_configuration_content},

    {verb::post, "/twins/{id}/methods", Right::service_connect, Operation::method, invoke_method},
    {verb::post, "/twins/{id}/modules/{mid}/methods", Right::service_connect, Operation::method, invoke_method},

    {verb::get, "/digitaltwins/{id}", Right::service_connect, Operation::twin_read, get_digital_twin},
    {verb::patch, "/digitaltwins/{id}", Right::service_connect, Operation::twin_update, patch_digital_twin},
    {verb::post, "/digitaltwins/{id}/commands/{x}", Right::service_connect, Operation::method, invoke_command},
    {verb::post, "/digitaltwins/{id}/components/{x}/commands/{x}", Right::service_connect, Operation::method,
     invoke_command},

    {verb::delete_, "/devices/{id}/commands", Right::service_connect, Operation::unlimited, purge_messages},
    {verb::post, "/devices/{id}/messages/devicebound", Right::service_connect, Operation::c2d_send, send_message},
    {verb::get, "/messages/serviceBound/feedback", Right::service_connect, Operation::unlimited, receive_feedback},
    {verb::delete_, "/messages/serviceBound/feedback/{x}", Right::service_connect, Operation::unlimited,
     complete_feedback},
    {verb::post, "/messages/serviceBound/feedback/{x}/abandon", Right::service_connect, Operation::unlimited,
     abandon_feedback},
    {verb::post, "/devices/{id}/messages/events", Right::device_connect, Operation::telemetry, send_event},
    {verb::get, "/devices/{id}/messages/devicebound", Right::device_connect, Operation::c2d_receive, receive_message},
    {verb::delete_, "/devices/{id}/messages/devicebound/{x}", Right::device_connect, Operation::unlimited,
     complete_message},
    {verb::post, "/devices/{id}/messages/devicebound/{x}/abandon", Right::device_connect, Operation::unlimited,
     abandon_message},

    {verb::post, "/jobs/create", Right::registry_write, Operation::job, create_storage_job},
    {verb::get, "/jobs", Right::registry_write, Operation::job, list_storage_jobs},
    {verb::get, "/jobs/{x}", Right::registry_write, Operation::job, no_storage_job},
    {verb::delete_, "/jobs/{x}", Right::registry_write, Operation::job, no_storage_job},
    {verb::post, "/devices/{id}/files", Right::device_connect, Operation::file_upload, no_file_upload},
    {verb::post, "/devices/{id}/files/notifications", Right::device_connect, Operation::unlimited, no_file_upload},
    {verb::post, "/devices/{id}/files/notifications/{x}", Right::device_connect, Operation::unlimited, no_file_upload},
};

// What a request of a device counts besides its body, in its rate of bytes: about its header with a token.
constexpr std::size_t header_bytes_least = 512;

/// Takes the next segment of a pattern.
std::string_view next_segment(std::string_view& pattern) {
  pattern.remove_prefix(1);
  const std::size_t slash = std::min(pattern.find('/'), pattern.size());
  const std::string_view segment = pattern.substr(0, slash);
  pattern.remove_prefix(slash);
  return segment;
}

/// Words match case-insensitively, ids bind as they are.
bool matches(std::string_view pattern, const std::vector<std::string>& segments, Call& call) {
  Call bound;
  for (const std::string& segment : segments) {
    if (pattern.empty()) return false;
    const std::string_view wanted = next_segment(pattern);
    if (wanted.starts_with('{')) {
      if (segment.empty()) return false;
      if (wanted == "{id}") bound.id.device = segment;
      if (wanted == "{mid}") bound.id.module = segment;
      if (wanted == "{x}") bound.names.push_back(segment);
    } else if (!equals_ignoring_case(wanted, segment)) {
      return false;
    }
  }
  if (!pattern.empty()) return false;
  call = std::move(bound);
  return true;
}

struct Found {
  const Route* route = nullptr;
  Call call;
  std::string allowed;  ///< the verbs of the path, when `route` is null
};

Found find(const Request& request) {
  Found found;
  for (const Route& candidate : routes) {
    Call call;
    if (!matches(candidate.pattern, request.segments, call)) continue;
    if (candidate.method == request.method) return {&candidate, std::move(call), {}};
    if (!found.allowed.empty()) found.allowed += ", ";
    found.allowed += to_string(candidate.method);
  }
  return found;
}

/// A device at its own modules. All causes of a refusal get the same answer, save those that only the holder of a good
/// token can meet.
Result<hub::DeviceLogin> log_in_owner(const hub::Hub& hub, const Request& request, const IdentityId& id) {
  auto login = request.authorization.empty()
                   ? hub.authenticator.login_device({id.device, ""}, request.client_certificates)
                   : hub.authenticator.login_owner(id, request.authorization);
  if (login || login.error().code == Errc::service_unavailable || login.error().code == Errc::device_disabled)
    return login;
  return fail(Errc::iot_hub_unauthorized_access, "Unauthorized");
}

/// Routes with DeviceConnect serve one device: its own key, or a policy, gives access to that device alone. All causes
/// of a refusal get the same answer, save those that only the holder of a good token can meet.
Result<hub::DeviceLogin> log_in(const hub::Hub& hub, const Request& request, const IdentityId& id) {
  auto login = request.authorization.empty() ? hub.authenticator.login_device(id, request.client_certificates)
                                             : hub.authenticator.login_device(id, request.authorization);
  if (login) return login;
  switch (login.error().code) {
    case Errc::service_unavailable:
    case Errc::device_disabled:
      return login;
    case Errc::device_not_found:
      if (hub.authenticator.authorize(request.authorization, request.path, Right::device_connect)) return login;
      [[fallthrough]];
    default:
      return fail(Errc::iot_hub_unauthorized_access, "Unauthorized");
  }
}

/// An edge hub at its device's scope: by a key of its own or of its device. The answer holds other devices' keys, so no
/// policy opens it.
Result<hub::DeviceLogin> log_in_edge_hub(const hub::Hub& hub, const Request& request, const IdentityId& id) {
  const Error refused = fail(Errc::iot_hub_unauthorized_access, "Unauthorized");
  if (id.module != iothub::edge_hub) return refused;
  auto login = hub.authenticator.login_device(id, request.authorization);
  if (login) return login->key_used == hub::KeyUsed::policy ? Result<hub::DeviceLogin>(refused) : login;
  if (login.error().code == Errc::service_unavailable || login.error().code == Errc::device_disabled) return login;
  return refused;
}

/// A back end's right: one of `rights`.
Result<void> check_rights(const hub::Hub& hub, const Request& request, const Rights& rights) {
  auto allowed = hub.authenticator.authorize(request.authorization, request.path, rights.all);
  if (allowed || rights.or_else == Right::none) return allowed;
  return hub.authenticator.authorize(request.authorization, request.path, rights.or_else);
}

Response unknown_route(const Request& request, const Found& found, Timestamp now) {
  if (found.allowed.empty()) {
    // Inferred: the cloud's own words for an unknown path are not documented.
    return error_response(fail(Errc::invalid_operation, "There is no resource at " + request.path.substr(0, 256)), now,
                          404);
  }
  Response response =
      error_response(fail(Errc::generic_method_not_allowed, "The resource takes " + found.allowed), now);
  response.headers.emplace_back("Allow", found.allowed);
  return response;
}

/// All but messages, whose bodies are the sender's own bytes.
bool has_json_body(const Route& route) { return route.handler != send_event && route.handler != send_message; }

/// The refusal as the cloud words it for back ends: it names the backlog that the request did not fit into.
Response refused(Error error, Timestamp now) {
  if (error.code == Errc::throttling_exception) error.code = Errc::throttling_backlog_timeout;
  return error_response(error, now);
}

}  // namespace

void note_cause(const Request& request, const hub::Hub& hub, RequestRefusal& refusal) {
  const hub::RefusalCauses causes(hub.store, hub.clock, hub.certificates, hub.authenticator);
  const auto take = [&refusal](hub::RefusalCause cause) {
    refusal.reason = cause.reason;
    refusal.detail = std::move(cause.detail);
  };
  const Found found = find(request);
  if (found.route == nullptr) {  // the annex's: access tokens
    refusal.reason = request.authorization.empty() ? Reason::no_credentials : Reason::token_unreadable;
    return;
  }
  const auto token = iothub::parse_sas_token(request.authorization);
  const bool is_devices = found.route->own == Own::scope || found.route->rights.all == Right::device_connect ||
                          (found.route->own != Own::nothing && !(token && !token->policy.empty()));
  if (!is_devices) {
    auto cause = causes.of_policy(request.authorization, found.route->rights.all);
    if (cause.reason == Reason::other && token)
      cause = {Reason::wrong_resource, "Its sr does not reach to what was asked for."};
    return take(std::move(cause));
  }
  const IdentityId& id = found.call.id;
  refusal.id = iothub::client_id_of(id);
  const Error error = fail(Errc::iot_hub_unauthorized, "");
  take(request.authorization.empty() ? causes.of_device(id, request.client_certificates, error)
                                     : causes.of_device(id, request.authorization, error));
}

std::variant<Authorized, Response> authorize(const hub::Hub& hub, const Request& head) {
  const Timestamp now = hub.clock.wall();
  Found found = find(head);
  if (found.route == nullptr) return unknown_route(head, found, now);
  const bool is_for_edge_hub = found.route->own == Own::scope;
  const bool is_for_devices = is_for_edge_hub || found.route->rights.all == Right::device_connect;
  const auto dialect = dialect_of(head);
  if (!dialect) return error_response(dialect.error(), now);
  found.call.dialect = *dialect;
  if (is_for_devices) {
    auto login = is_for_edge_hub ? log_in_edge_hub(hub, head, found.call.id) : log_in(hub, head, found.call.id);
    if (!login) return error_response(login.error(), now);
    found.call.login = std::move(*login);
  } else if (const auto allowed = check_rights(hub, head, found.route->rights); !allowed) {
    if (found.route->own == Own::nothing) return error_response(allowed.error(), now);
    auto login = log_in_owner(hub, head, found.call.id);
    if (!login) return error_response(login.error(), now);
    found.call.login = std::move(*login);
  }
  return Authorized{found.route->handler, found.route->operation, has_json_body(*found.route), std::move(found.call)};
}

std::variant<Authorized, Response> authorize(const hub::Hub& hub, const Request& head, Right rights) {
  const Timestamp now = hub.clock.wall();
  Found found = find(head);
  if (found.route == nullptr) return unknown_route(head, found, now);
  const auto refused = [now](std::string why) {
    return error_response(fail(Errc::iot_hub_unauthorized_access, std::move(why)), now, 403);
  };
  const Rights& needed = found.route->rights;
  if (found.route->own == Own::scope || needed.all == Right::device_connect)
    return refused("This is for devices, by their own keys.");
  if (!has(rights, needed.all) && (needed.or_else == Right::none || !has(rights, needed.or_else)))
    return refused("The policy lacks the right to do this.");
  const auto dialect = dialect_of(head);
  if (!dialect) return error_response(dialect.error(), now);
  found.call.dialect = *dialect;
  return Authorized{found.route->handler, found.route->operation, has_json_body(*found.route), std::move(found.call)};
}

void handle(Reply reply, Request& request, const Authorized& authorized) {
  hub::Hub& hub = reply.lane->hub();
  if (authorized.has_json_body) json::make_strict(request.body);
  if (const auto& login = authorized.call.login) {
    const auto refusal =
        hub.gate.admit_bytes(login->id, authorized.operation, request.body.size() + header_bytes_least);
    if (refusal != hub::Refusal::none)
      return reply.send(refused(hub.gate.error_of(refusal, authorized.operation), hub.clock.wall()));
  }
  const auto admission = hub.gate.admit(authorized.operation, request.body.size());
  if (admission.refusal != hub::Refusal::none) {
    return reply.send(refused(hub.gate.error_of(admission.refusal, authorized.operation), hub.clock.wall()));
  }
  if (admission.wait.count() == 0) return authorized.handler(reply, request, authorized.call);
  // The request's turn comes later; meanwhile the session reads no further request.
  reply.lane->run_after(admission.wait,
                        [reply, request, authorized] { authorized.handler(reply, request, authorized.call); });
}

}  // namespace twinhub::rest
