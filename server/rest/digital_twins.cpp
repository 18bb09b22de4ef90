// Digital twins: a device's twin and methods as IoT Plug and Play names them.
// Source: service API 2021-04-12 ("DigitalTwin"); azure-docs iot-develop howto-manage-digital-twin.
#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "server/rest/handlers.hpp"

#include <charconv>

namespace twinhub::rest {
namespace {

Result<void> read_seconds(const Request& request, std::string_view name, std::int64_t& seconds) {
  const auto text = request.parameter(name);
  if (!text) return {};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error == std::errc{} && end == text->data() + text->size()) return {};
  return fail(Errc::argument_invalid, std::string(name) + " must be a whole number of seconds");
}

/// A command is a direct method: "command", or "component*command". Its argument is the request's body.
Result<hub::MethodInvocation> read_command(const Request& request, const std::vector<std::string>& names) {
  hub::MethodInvocation invocation;
  invocation.name = names.size() == 1 ? names.front() : names.front() + "*" + names.back();
  if (!request.body.empty()) {
    auto argument = json::parse(request.body);
    if (!argument) return argument.error();
    invocation.payload = argument->text();
  }
  for (const auto& read : {read_seconds(request, "responseTimeoutInSeconds", invocation.response_timeout),
                           read_seconds(request, "connectTimeoutInSeconds", invocation.connect_timeout)}) {
    if (!read) return read.error();
  }
  return invocation;
}

}  // namespace

void get_digital_twin(Reply reply, const Request&, const Call& call) {
  reply.lane->hub().twins.get_digital(call.id.device, reply.done<hub::Twins::Answer>([](const auto& twin) {
    return json_response(twin.json, twin.etag);
  }));
}

void patch_digital_twin(Reply reply, const Request& request, const Call& call) {
  const std::string location = "/digitaltwins/" + iothub::percent_encode(call.id.device);
  reply.lane->hub().twins.patch_digital(
      call.id.device, request.body, request.if_match,
      reply.done<hub::Twins::Answer>([location](const hub::Twins::Answer& twin) {
        return Response{202, {}, {{"ETag", '"' + twin.etag + '"'}, {"Location", location}}};
      }));
}

void invoke_command(Reply reply, const Request& request, const Call& call) {
  run_method(reply, call, read_command(request, call.names), [](const hub::MethodAnswer& answer) {
    Response response = json_response(answer.payload);
    response.headers.emplace_back("x-ms-command-statuscode", std::to_string(answer.status));
    return response;
  });
}

}  // namespace twinhub::rest
