#include "server/rest/routes.hpp"

#include "server/hub/authenticator.hpp"
#include "server/rest/api_version.hpp"
#include "server/rest/handlers.hpp"

#include <algorithm>
#include <ostream>

namespace twinhub::rest {
namespace {

using hub::Operation;
using hub::Right;
using verb = boost::beast::http::verb;

/// What a token's policy must have: all of these, or else all of those.
struct Rights {
  constexpr Rights(Right needed) : all(needed) {}  // NOLINT: most routes need one right
  constexpr Rights(Right needed, Right instead) : all(needed), or_else(instead) {}
  Right all;
  Right or_else = Right::none;  ///< none: there is no other way
};

struct Route {
  verb method;
  std::string_view pattern;  ///< {id}: device, {mid}: module, {x}: any name
  Rights rights;
  Operation operation;  ///< by which IoT Hub limits it
  Handler handler;
};

// Which of the two IoT Hub asks for is not documented (inferred).
constexpr Rights read_configurations{Right::registry_read, Right::service_connect};
constexpr Rights write_configurations{Right::registry_write, Right::service_connect};

// A pattern of literal words stands before one with a placeholder in its place. Devices' own routes are Operation::
// unlimited where the hub asks its gate for the device.
constexpr Route routes[] = {
    {verb::get, "/devices", Right::registry_read, Operation::registry, list_devices},
    {verb::put, "/devices/{id}", Right::registry_write, Operation::registry, put_identity},
    {verb::get, "/devices/{id}", Right::registry_read, Operation::registry, get_identity},
    {verb::delete_, "/devices/{id}", Right::registry_write, Operation::registry, delete_identity},
    {verb::get, "/devices/{id}/modules", Right::registry_read, Operation::registry, list_modules},
    {verb::put, "/devices/{id}/modules/{mid}", Right::registry_write, Operation::registry, put_identity},
    {verb::get, "/devices/{id}/modules/{mid}", Right::registry_read, Operation::registry, get_identity},
    {verb::delete_, "/devices/{id}/modules/{mid}", Right::registry_write, Operation::registry, delete_identity},

    {verb::post, "/devices", Right::registry_write, Operation::registry, post_devices},
    {verb::post, "/devices/keys/regenerate", Right::registry_write, Operation::registry, regenerate_keys},
    {verb::get, "/statistics/devices", Right::registry_read, Operation::unlimited, device_statistics},
    {verb::get, "/statistics/service", Right::registry_read, Operation::unlimited, service_statistics},
    // twinhub's own: what IoT Hub's export job writes into a blob
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

/// Routes of DeviceConnect are a device's: by its own key, or by a policy, it reaches itself. One answer for every
/// cause but what only a good token can learn.
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

/// A back end's right: one of `rights`.
Result<void> authorize(const hub::Hub& hub, const Request& request, const Rights& rights) {
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

/// To a back end the cloud names the backlog that its request did not fit into.
Response refused(Error error, Timestamp now) {
  if (error.code == Errc::throttling_exception) error.code = Errc::throttling_backlog_timeout;
  return error_response(error, now);
}

}  // namespace

void route(Reply reply, const Request& request) {
  const hub::Hub& hub = reply.lane->hub();
  const Timestamp now = hub.clock.now();
  Found found = find(request);
  if (found.route == nullptr) return reply.send(unknown_route(request, found, now));
  const auto dialect = dialect_of(request);
  if (!dialect) return reply.send(error_response(dialect.error(), now));
  found.call.dialect = *dialect;
  if (found.route->rights.all == Right::device_connect) {
    auto login = log_in(hub, request, found.call.id);
    if (!login) return reply.send(error_response(login.error(), now));
    found.call.login = std::move(*login);
  } else {
    const auto allowed = authorize(hub, request, found.route->rights);
    if (!allowed) return reply.send(error_response(allowed.error(), now));
  }
  const auto admission = reply.lane->hub().gate.admit(found.route->operation, request.body.size());
  if (admission.refusal != hub::Refusal::none) {
    return reply.send(refused(hub.gate.error_of(admission.refusal, found.route->operation), now));
  }
  if (admission.wait.count() == 0) return found.route->handler(reply, request, found.call);
  // Its turn comes later; the session waits for its answer and reads no further request.
  reply.lane->run_after(admission.wait, [reply, request, call = found.call, handler = found.route->handler] {
    handler(reply, request, call);
  });
}

}  // namespace twinhub::rest
