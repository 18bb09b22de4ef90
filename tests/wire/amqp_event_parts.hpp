// What the tests of readers of events share: their links, by hand, and events in the log.
#pragma once

#include "tests/wire/amqp_parts.hpp"

#include <algorithm>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::test {

/// Of a link that reads a partition.
struct ReaderLink {
  std::string entity = "twinhub";  // as DoorOptions have it
  std::string group = "$Default";
  std::string partition = {};                  ///< "" = dev1's
  std::optional<amqp::Value> filters = {};     ///< the source's filter map
  amqp::Value properties = {};                 ///< of the link
  std::vector<std::string> capabilities = {};  ///< desired
  std::optional<std::uint8_t> sender_settles = {}, receiver_settles = {};
};

inline amqp::Value filter_of(const std::string& text) {
  using amqp::Value;
  return Value::map({Value::symbol("apache.org:selector-filter:string"),
                     Value::described(Value::ulong(0x468C00000004), Value::string(text))});
}

inline ReaderLink from(const std::string& filter) {
  ReaderLink link;
  link.filters = filter_of(filter);
  return link;
}
inline ReaderLink from_offset(std::uint64_t offset) {
  return from("amqp.annotation.x-opt-offset > '" + std::to_string(offset) + "'");
}
inline ReaderLink with_epoch(std::int64_t epoch, const std::string& name = "") {
  using amqp::Value;
  ReaderLink link;
  link.properties = Value::map({Value::symbol("com.microsoft:epoch"), Value::int64(epoch)});
  if (!name.empty()) link.properties.add(Value::symbol("com.microsoft:receiver-name"), Value::string(name));
  return link;
}

inline std::string reader_frame(const WireHub& hub, std::uint32_t handle, const ReaderLink& link,
                                std::uint16_t channel = 0) {
  using amqp::Value;
  const std::string partition = link.partition.empty() ? std::to_string(hub.partition_of(dev1)) : link.partition;
  const std::string address = link.entity + "/ConsumerGroups/" + link.group + "/Partitions/" + partition;
  const Value source = Value::described(
      Value::ulong(0x28),
      Value::list({Value::string(address), {}, {}, {}, {}, {}, {}, link.filters ? *link.filters : Value()}));
  std::vector<Value> capabilities;
  for (const std::string& one : link.capabilities) capabilities.push_back(Value::symbol(one));
  return amqp_frame(0x12,
                    {Value::string("reader-" + std::to_string(handle)),
                     Value::uint(handle),
                     Value::boolean(true),
                     link.sender_settles ? Value::ubyte(*link.sender_settles) : Value(),
                     link.receiver_settles ? Value::ubyte(*link.receiver_settles) : Value(),
                     source,
                     Value::described(Value::ulong(0x29), Value::list({Value::string("client")})),
                     {},
                     {},
                     {},
                     {},
                     {},
                     capabilities.empty() ? Value() : Value::array(capabilities),
                     link.properties},
                    "", channel);
}

/// Attaches a reader and expects the answer.
inline AmqpFrame attach_reader(AmqpClient& client, const WireHub& hub, std::uint32_t handle, const ReaderLink& link) {
  client.send(reader_frame(hub, handle, link));
  return client.expect(0x12);
}

struct Refused {
  std::string condition;
  std::string description;
};
/// Expects the link to be detached, and answers that. `attached`: the hub's ATTACH of the link, with its own handle.
inline Refused detached(AmqpClient& client, std::uint32_t handle, const AmqpFrame& attached) {
  const AmqpFrame detach = client.expect(0x16);
  EXPECT_EQ(detach.fields[0].bits, attached.fields[1].bits);
  EXPECT_EQ(detach.fields[1], amqp::Value::boolean(true));
  client.send(detach_frame(handle));
  if (detach.fields[2].type != amqp::Type::described) return {};
  const auto& error = detach.fields[2].items[1].items;
  return {error[0].text, error[1].text};
}
inline Refused refused(AmqpClient& client, const WireHub& hub, std::uint32_t handle, const ReaderLink& link) {
  const AmqpFrame answer = attach_reader(client, hub, handle, link);
  EXPECT_NE(answer.fields[13].find("com.microsoft:tracking-id"), nullptr);
  return detached(client, handle, answer);
}

struct Flow {
  std::uint32_t credit = 0;
  std::uint32_t received = 0;  ///< deliveries of the link so far
  std::uint32_t frames = 0;    ///< transfers of the session so far; the hub's window is a thousand more
  bool drain = false;
  std::uint32_t window = 1000;
};
inline std::string flow(std::uint32_t handle, const Flow& with) {
  using amqp::Value;
  // The hub's transfer-ids begin at 0.
  return amqp_frame(0x13, {Value::uint(with.frames),
                           Value::uint(with.window),
                           Value::uint(0),
                           Value::uint(1000),
                           Value::uint(handle),
                           Value::uint(with.received),
                           Value::uint(with.credit),
                           {},
                           Value::boolean(with.drain)});
}

/// The same frame on another session.
inline std::string on_channel(std::string frame, std::uint16_t channel) {
  frame[6] = static_cast<char>(channel >> 8U);
  frame[7] = static_cast<char>(channel & 0xFFU);
  return frame;
}

/// The sequence number of the next event of dev1's partition: the hub has said there that devices were created.
inline std::uint64_t next_number(WireHub& hub) { return hub.store().event_ranges()[hub.partition_of(dev1)].next; }

/// Appends telemetry of `from` with these bodies, and returns once all of it is durable.
inline void append(WireHub& hub, const std::vector<std::string>& bodies, const IdentityId& from = dev1) {
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const auto durable = std::make_shared<std::promise<bool>>();
    auto done = durable->get_future();
    const storage::TelemetryDraft draft{.device = from.device,
                                        .module = from.module,
                                        .enqueued = hub.now_plus(std::chrono::milliseconds(0)),
                                        .generation_id = "g",
                                        .body = bodies[i]};
    hub.store().append_telemetry(
        draft, [durable](const Result<void>& result, storage::Outbox&) { durable->set_value(result.has_value()); });
    if (i + 1 < bodies.size()) continue;
    ASSERT_TRUE(done.get());
  }
}
inline std::vector<std::string> numbers(std::size_t first, std::size_t count) {
  std::vector<std::string> bodies;
  for (std::size_t i = 0; i < count; ++i) bodies.push_back(std::to_string(first + i));
  return bodies;
}

inline std::string body_of(const AmqpReceived& received) {
  EXPECT_EQ(received.message.data.size(), 1U);
  return received.message.data.empty() ? "" : received.message.data.front();
}
inline std::int64_t number_of(const AmqpReceived& received) {
  const amqp::Value* const number = received.message.message_annotations.find("x-opt-sequence-number");
  return number == nullptr ? -1 : number->integer().value_or(-1);
}
/// The bodies of the next `count` messages.
inline std::vector<std::string> bodies(AmqpClient& client, std::size_t count) {
  std::vector<std::string> all;
  while (all.size() < count) all.push_back(body_of(client.expect_message()));
  return all;
}
inline const std::string any_credit = flow(2, {.credit = 1000});

/// A back end's connection.
struct BackEnd : AmqpClient {
  explicit BackEnd(const WireHub& hub) : AmqpClient(hub.amqp_port()) { enter_as_back_end(*this); }
};

}  // namespace twinhub::test
