// POST /twins/{id}/methods, and the same for modules. Source: service API 2021-04-12 ("CloudToDeviceMethod");
// azure-docs iot-hub-devguide-direct-methods.
#include "server/hub/methods/methods.hpp"

#include "protocol/json/document.hpp"
#include "server/rest/handlers.hpp"

namespace twinhub::rest {
namespace {

Result<hub::MethodInvocation> read_invocation(std::string_view text) {
  const auto document = json::parse(text);
  if (!document) return document.error();
  return hub::read_method_invocation(document->root());
}

}  // namespace

void run_method(Reply reply, const Call& call, Result<hub::MethodInvocation> invocation,
                Response (*make)(const hub::MethodAnswer& answer)) {
  hub::Hub& hub = reply.lane->hub();
  if (!invocation) return reply.send(method_error_response(invocation.error(), hub.clock.wall()));
  hub.methods.invoke(call.id, std::move(*invocation), reply.done<hub::MethodAnswer>(make, method_error_response));
}

void invoke_method(Reply reply, const Request& request, const Call& call) {
  run_method(reply, call, read_invocation(request.body), [](const hub::MethodAnswer& answer) {
    return json_response(R"({"status":)" + std::to_string(answer.status) + R"(,"payload":)" + answer.payload + "}");
  });
}

}  // namespace twinhub::rest
