// POST /twins/{id}/methods and its like of modules. Source: service API 2021-04-12 ("CloudToDeviceMethod"); azure-docs
// iot-hub-devguide-direct-methods.
#include "server/hub/methods.hpp"

#include "protocol/json/document.hpp"
#include "server/rest/handlers.hpp"

namespace twinhub::rest {
namespace {

Result<void> read_seconds(const json::Value& body, std::string_view name, std::int64_t& seconds) {
  const auto value = body.find(name);
  if (!value || value->is_null()) return {};
  const auto number = value->integer();
  if (!number) return fail(Errc::argument_invalid, std::string(name) + " must be a whole number of seconds");
  seconds = *number;
  return {};
}

/// Members that are not named here are ignored, as older SDKs send some.
Result<hub::MethodInvocation> read_invocation(std::string_view text) {
  const auto document = json::parse(text);
  if (!document) return document.error();
  const json::Value body = document->root();
  if (!body.is_object()) return fail(Errc::argument_invalid, "The body must be a JSON object");
  hub::MethodInvocation invocation;
  const auto name = body.find("methodName");
  invocation.name = name ? name->string().value_or("") : "";
  if (const auto payload = body.find("payload")) invocation.payload = payload->text();
  for (const auto& read : {read_seconds(body, "responseTimeoutInSeconds", invocation.response_timeout),
                           read_seconds(body, "connectTimeoutInSeconds", invocation.connect_timeout)}) {
    if (!read) return read.error();
  }
  return invocation;
}

}  // namespace

void run_method(Reply reply, const Call& call, Result<hub::MethodInvocation> invocation,
                Response (*make)(const hub::MethodAnswer& answer)) {
  hub::Hub& hub = reply.lane->hub();
  if (!invocation) return reply.send(method_error_response(invocation.error(), hub.clock.now()));
  hub.methods.invoke(call.id, std::move(*invocation), reply.done<hub::MethodAnswer>(make, method_error_response));
}

void invoke_method(Reply reply, const Request& request, const Call& call) {
  run_method(reply, call, read_invocation(request.body), [](const hub::MethodAnswer& answer) {
    return json_response(R"({"status":)" + std::to_string(answer.status) + R"(,"payload":)" + answer.payload + "}");
  });
}

}  // namespace twinhub::rest
