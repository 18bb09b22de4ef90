// The bytes of an event on its way to Event Hubs' clients.
#include "protocol/amqp/message.hpp"
#include "server/amqp/event_message.hpp"

#include <gtest/gtest.h>
#include <string>

namespace twinhub::amqp_door {
namespace {

using amqp::Type;
using amqp::Value;

Timestamp at_milliseconds(std::uint64_t milliseconds) {
  return {unix_epoch_ticks + milliseconds * (ticks_per_second / 1000)};
}

storage::StoredEvent stored_event() {
  storage::StoredEvent stored;
  stored.sequence_number = 7;
  stored.appended = at_milliseconds(2);
  stored.event.id = {"d", ""};
  stored.event.enqueued = at_milliseconds(1);
  return stored;
}

amqp::Message encoded(const storage::StoredEvent& stored) {
  std::string bytes;
  append_event(bytes, stored);
  auto message = amqp::decode_message(bytes);
  EXPECT_TRUE(message);
  return message ? std::move(*message) : amqp::Message{};
}

TEST(EventMessage, IsTheseBytes) {
  storage::StoredEvent stored = stored_event();
  stored.event.system = {{"iothub-message-source", "Telemetry"}, {"content-type", "a"}};
  stored.event.application = {{"k", "v"}};
  stored.event.body = "body";
  std::string bytes;
  append_event(bytes, stored);
  const std::string annotations = std::string("\xA3\x15x-opt-sequence-number\x81\0\0\0\0\0\0\0\x07", 32) +
                                  std::string(
                                      "\xA3\x0Cx-opt-offset\xA1\x01"
                                      "7",
                                      17) +
                                  std::string("\xA3\x13x-opt-enqueued-time\x83\0\0\0\0\0\0\0\x02", 30) +
                                  std::string("\xA3\x13iothub-enqueuedtime\x83\0\0\0\0\0\0\0\x01", 30) +
                                  std::string("\xA3\x15iothub-message-source\xA1\x09Telemetry", 34);
  const std::string size(1, static_cast<char>(annotations.size() + 1));
  EXPECT_EQ(bytes, std::string("\0\x53\x72\xC1", 4) + size + "\x0A" + annotations +
                       std::string("\0\x53\x73\xC0\x0B\x08@@@@@@\xA3\x01"
                                   "a@",
                                   16) +
                       std::string("\0\x53\x74\xC1\x07\x02\xA1\x01k\xA1\x01v", 12) +
                       std::string("\0\x53\x75\xA0\x04"
                                   "body",
                                   9));
}

TEST(EventMessage, AnEmptyBodyIsAnEmptyDataSection) {
  const amqp::Message message = encoded(stored_event());
  EXPECT_EQ(message.data, std::vector<std::string>{""});
  EXPECT_TRUE(message.properties.message_id.is_null());
  EXPECT_TRUE(message.application_properties.items.empty());
}

TEST(EventMessage, SystemPropertiesGoWhereIoTHubShowsThem) {
  storage::StoredEvent stored = stored_event();
  stored.event.system = {{"message-id", "m"},
                         {"correlation-id", "c"},
                         {"user-id", "u"},
                         {"content-type", "application/json"},
                         {"content-encoding", "utf-8"},
                         {"iothub-creation-time-utc", "2026-11-23T12:00:00Z"},
                         {"iothub-message-schema", "s"},
                         {"dt-dataschema", "dtmi:a;1"},
                         {"dt-subject", "thermostat"},
                         {"iothub-connection-module-id", "mod"},
                         {"nothing", std::nullopt}};
  const amqp::Message message = encoded(stored);
  EXPECT_EQ(message.properties.message_id, Value::string("m"));
  EXPECT_EQ(message.properties.correlation_id, Value::string("c"));
  EXPECT_EQ(message.properties.user_id, "u");
  EXPECT_EQ(message.properties.content_type, "application/json");
  EXPECT_EQ(message.properties.content_encoding, "utf-8");
  EXPECT_EQ(*message.application_properties.find("iothub-creation-time-utc"), Value::string("2026-11-23T12:00:00Z"));
  EXPECT_EQ(*message.application_properties.find("iothub-message-schema"), Value::string("s"));
  EXPECT_EQ(*message.message_annotations.find("dt-dataschema"), Value::string("dtmi:a;1"));
  EXPECT_EQ(*message.message_annotations.find("dt-subject"), Value::string("thermostat"));
  EXPECT_EQ(*message.message_annotations.find("iothub-connection-module-id"), Value::string("mod"));
  EXPECT_EQ(*message.message_annotations.find("nothing"), Value::string(""));
}

TEST(EventMessage, BytesThatAreNoTextBecomeText) {
  storage::StoredEvent stored = stored_event();
  stored.event.system = {{"message-id", "\xFF"}, {"content-type", "t\xC3\xA4xt\n"}, {"user-id", "\xFF"}};
  stored.event.application = {{"\xFE", "\xC3"}};
  stored.event.body = "\xFF\xFE";
  const amqp::Message message = encoded(stored);
  EXPECT_EQ(message.properties.message_id, Value::string("\xEF\xBF\xBD"));
  EXPECT_EQ(message.properties.content_type, "t??xt?");
  EXPECT_EQ(message.properties.user_id, "\xFF");  // binary
  EXPECT_EQ(message.application_properties.items[0], Value::string("\xEF\xBF\xBD"));
  EXPECT_EQ(message.data, std::vector<std::string>{"\xFF\xFE"});
}

TEST(EventMessage, ThePartitionsFiguresStandBeforeIt) {
  std::string bytes;
  append_partition_figures(
      bytes, {.last_sequence_number = 12, .last_enqueued = at_milliseconds(3), .retrieved = at_milliseconds(4)});
  append_event(bytes, stored_event());
  const auto message = amqp::decode_message(bytes);
  ASSERT_TRUE(message);
  const Value& figures = message->delivery_annotations;
  EXPECT_EQ(*figures.find("last_enqueued_sequence_number"), Value::int64(12));
  EXPECT_EQ(*figures.find("last_enqueued_offset"), Value::string("12"));
  EXPECT_EQ(*figures.find("last_enqueued_time_utc"), Value::timestamp(3));
  EXPECT_EQ(*figures.find("runtime_info_retrieval_time_utc"), Value::timestamp(4));
  EXPECT_EQ(figures.items.size(), 8U);
}

}  // namespace
}  // namespace twinhub::amqp_door
