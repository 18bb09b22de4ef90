#include "server/hub/methods/method_invocation.hpp"

#include "protocol/iothub/device_topics.hpp"
#include "protocol/json/member.hpp"

#include <algorithm>
#include <string_view>

namespace twinhub::hub {
namespace {

constexpr std::int64_t response_timeout_min = 5;
constexpr std::int64_t timeout_max = 300;

/// Source: azure-docs iot-hub-devguide-direct-methods: printable US-ASCII without "$ ( ) < > @ , ; : \ " / [ ] ? = {
/// }", space and tab; but IoT Hub takes a '$', as in the OPC Twin module's "$call". '#' and '+' cannot stand in an MQTT
/// topic name [MQTT-3.3.2-2].
bool is_method_name(std::string_view name) {
  constexpr std::string_view excluded = "()<>@,;:\\\"/[]?={}#+";
  return !name.empty() && name.size() <= iothub::method_name_bytes_max &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return c > ' ' && c < '\x7f' && excluded.find(c) == std::string_view::npos; });
}

Result<void> read_seconds(const json::Value& body, std::string_view name, std::int64_t& seconds) {
  const auto value = json::member_of(body, name);
  if (!value) return {};
  const auto number = json::whole_number_of(*value);
  if (!number) return fail(Errc::argument_invalid, std::string(name) + " must be a whole number of seconds");
  seconds = number->value.value_or(seconds);
  return {};
}

}  // namespace

Result<MethodInvocation> read_method_invocation(const json::Value& body) {
  if (!body.is_object()) return fail(Errc::argument_invalid, "The method must be a JSON object");
  MethodInvocation invocation;
  const auto name = json::member_of(body, "methodName");
  invocation.name = name ? name->string().value_or("") : "";
  if (const auto payload = json::member_of(body, "payload")) invocation.payload = payload->text();
  for (const auto& read : {read_seconds(body, "responseTimeoutInSeconds", invocation.response_timeout),
                           read_seconds(body, "connectTimeoutInSeconds", invocation.connect_timeout)}) {
    if (!read) return read.error();
  }
  return invocation;
}

Result<void> check_method_invocation(const MethodInvocation& invocation) {
  if (!is_method_name(invocation.name)) {
    return fail(Errc::argument_invalid,
                "The methodName is missing or holds characters that a method's name cannot have");
  }
  if (invocation.response_timeout < response_timeout_min || invocation.response_timeout > timeout_max) {
    return fail(Errc::argument_invalid, "The response timeout must be between 5 and 300 seconds");
  }
  if (invocation.connect_timeout < 0 || invocation.connect_timeout > timeout_max) {
    return fail(Errc::argument_invalid, "The connect timeout must be between 0 and 300 seconds");
  }
  if (invocation.connect_timeout > invocation.response_timeout) {
    return fail(Errc::argument_invalid, "Device connection timeout (" + std::to_string(invocation.connect_timeout) +
                                            " s) cannot be longer than an overall call timeout (" +
                                            std::to_string(invocation.response_timeout) + " s)");
  }
  if (invocation.payload.size() > method_payload_bytes_max) {
    return fail(Errc::message_too_large, "A method's payload may have 131072 bytes");
  }
  return {};
}

}  // namespace twinhub::hub
