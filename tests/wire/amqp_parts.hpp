// What the AMQP tests share: the service policy's tokens, messages, and what the hub makes of them.
#pragma once

#include "protocol/iothub/sas_token.hpp"
#include "tests/support/cpp/amqp_client.hpp"
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace twinhub::test {

inline const std::string service_key = base64_encode(std::string(32, 's'));  // as WireHub has it
inline constexpr std::uint64_t far_future = 4'000'000'000;

inline std::string service_token(const std::string& resource = "hub.local") {
  return iothub::make_sas_token(resource, service_key, far_future, "service");
}

inline amqp::Message message_to(const std::string& to, std::string body = "hello") {
  amqp::Message message;
  message.properties.to = to;
  message.properties.message_id = amqp::Value::string("m-1");
  message.data = {std::move(body)};
  return message;
}

inline bool is_accepted(const amqp::Value& state) {
  return state.type == amqp::Type::described && state.items[0] == amqp::Value::ulong(0x24);
}

/// How many deliveries a DISPOSITION tells of.
inline std::uint64_t outcomes_in(const AmqpFrame& disposition) {
  const auto& first = disposition.fields[1];
  const auto& last = disposition.fields[2];
  return last.is_null() ? 1 : last.bits - first.bits + 1;
}

/// How many messages the FLOWs of a client's link have allowed at all, and how many were accepted.
struct CreditWatch {
  void read(AmqpClient& client) {
    const auto frame = client.read();
    if (!frame) throw std::runtime_error("closed");
    const auto& fields = frame->fields;
    if (frame->code == 0x13 && !fields[4].is_null()) allowed = std::max(allowed, fields[5].bits + fields[6].bits);
    if (frame->code != 0x15) return;
    EXPECT_TRUE(is_accepted(fields[4]));
    accepted += outcomes_in(*frame);
  }

  std::uint64_t allowed = 0;
  std::uint64_t accepted = 0;
};

/// The answer to an ATTACH that is refused, and the condition of the DETACH behind it.
inline std::string refusal_of(AmqpClient& client, std::uint32_t handle, bool sends, const std::string& address) {
  const AmqpFrame answer = client.attach(handle, sends, address);
  EXPECT_EQ(answer.fields.size(), 14U);
  EXPECT_FALSE(answer.fields[5].is_null());
  EXPECT_FALSE(answer.fields[6].is_null());
  EXPECT_NE(answer.fields[13].find("com.microsoft:tracking-id"), nullptr);
  const AmqpFrame detach = client.expect(0x16);
  EXPECT_EQ(detach.fields.size(), 3U);
  EXPECT_EQ(detach.fields[1], amqp::Value::boolean(true));
  EXPECT_EQ(detach.fields[2].items[1].items.size(), 3U);
  return condition_in(detach.fields[2]);
}

/// The condition of the hub's CLOSE after `bytes`; "none" when the CLOSE has no error, "" when there is no CLOSE.
inline std::string close_after(WireHub& hub, const std::string& bytes) {
  AmqpClient client(hub.amqp_port());
  client.open();
  client.send(bytes);
  while (const auto frame = client.read()) {
    if (frame->code == 0x18) return frame->fields[0].is_null() ? "none" : condition_in(frame->fields[0]);
  }
  return "";
}

inline std::string plain_response(const std::string& user, const std::string& token) {
  return std::string(1, '\0') + user + '\0' + token;
}

/// Lets the peer in as a back end: $cbs on handles 0 and 1.
inline void enter_as_back_end(AmqpClient& client) {
  client.open();
  ASSERT_EQ(client.put_token("hub.local", service_token()), 200);
}
/// What $cbs calls an identity.
inline std::string audience_of(const IdentityId& id) {
  const std::string device = "hub.local%2Fdevices%2F" + id.device;
  return id.is_module() ? device + "%2Fmodules%2F" + id.module : device;
}
inline void enter_as(AmqpClient& client, const WireHub& hub, const IdentityId& id) {
  client.open();
  ASSERT_EQ(client.put_token(audience_of(id), hub.token(id)), 200);
}

/// "/devices/dev1/twin"
inline std::string address_of(const IdentityId& id, const std::string& what) {
  const std::string device = "/devices/" + id.device;
  return (id.is_module() ? device + "/modules/" + id.module : device) + "/" + what;
}

inline std::string detach_frame(std::uint32_t handle) {
  return amqp_frame(0x16, {amqp::Value::uint(handle), amqp::Value::boolean(true)});
}

/// A message whose sender awaits no outcome.
inline std::string settled_transfer(AmqpClient& client, std::uint32_t handle, const amqp::Message& message) {
  using amqp::Value;
  const std::uint32_t delivery = client.next_delivery();
  return amqp_frame(0x14,
                    {Value::uint(handle), Value::uint(delivery), Value::binary(std::to_string(delivery)),
                     Value::uint(0), Value::boolean(true)},
                    encode_message(message));
}

// Twins
struct TwinRequest {
  std::string operation;
  std::string resource = {};
  std::optional<std::string> body = {};
  amqp::Value correlation_id = amqp::Value::string("c-1");
  amqp::Value version = {};
};
inline amqp::Message twin_message(const TwinRequest& request) {
  using amqp::Value;
  amqp::Message message;
  message.message_annotations.add(Value::symbol("operation"), Value::string(request.operation));
  if (!request.resource.empty())
    message.message_annotations.add(Value::symbol("resource"), Value::string(request.resource));
  if (!request.version.is_null()) message.message_annotations.add(Value::symbol("version"), request.version);
  message.properties.correlation_id = request.correlation_id;
  if (request.body) message.data = {*request.body};
  return message;
}
inline const std::string reported_resource = "/properties/reported";
inline const std::string deltas_resource = "/notifications/twin/properties/desired";
inline TwinRequest patch_of(std::string body) {
  return {.operation = "PATCH", .resource = reported_resource, .body = std::move(body)};
}
inline TwinRequest put_deltas() { return {.operation = "PUT", .resource = deltas_resource, .body = " "}; }

inline std::optional<std::int64_t> number_annotation(const amqp::Message& message, std::string_view name) {
  const amqp::Value* const found = message.message_annotations.find(name);
  return found == nullptr ? std::nullopt : found->integer();
}

}  // namespace twinhub::test
