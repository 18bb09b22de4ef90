#include "protocol/amqp/message.hpp"

#include "protocol/amqp/encode.hpp"

#include <gtest/gtest.h>

namespace twinhub::amqp {
namespace {

TEST(AmqpMessage, EverySectionComesBack) {
  Message message;
  message.header = Header{.durable = true, .ttl_milliseconds = 5000, .delivery_count = 3};
  message.delivery_annotations.add(Value::symbol("d"), Value::int64(1));
  message.message_annotations.add(Value::symbol("iothub-enqueuedtime"), Value::timestamp(1'700'000'000'000));
  message.properties = {.message_id = Value::ulong(9),
                        .user_id = "hub",
                        .to = "/devices/d/messages/devicebound",
                        .subject = "s",
                        .reply_to = "r",
                        .correlation_id = Value::uuid("0123456789abcdef"),
                        .content_type = "application/json",
                        .content_encoding = "utf-8",
                        .absolute_expiry_time = 1,
                        .creation_time = 2};
  message.application_properties.add(Value::string("colour"), Value::string("red"));
  message.data = {std::string(70'000, 'x')};
  const auto again = decode_message(encode_message(message));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->header->ttl_milliseconds, 5000U);
  EXPECT_EQ(again->header->delivery_count, 3U);
  EXPECT_TRUE(again->header->durable);
  EXPECT_EQ(again->delivery_annotations, message.delivery_annotations);
  EXPECT_EQ(again->message_annotations, message.message_annotations);
  EXPECT_EQ(again->properties.message_id, message.properties.message_id);
  EXPECT_EQ(again->properties.correlation_id, message.properties.correlation_id);
  EXPECT_EQ(again->properties.user_id, "hub");
  EXPECT_EQ(again->properties.to, message.properties.to);
  EXPECT_EQ(again->properties.subject, "s");
  EXPECT_EQ(again->properties.reply_to, "r");
  EXPECT_EQ(again->properties.content_type, "application/json");
  EXPECT_EQ(again->properties.content_encoding, "utf-8");
  EXPECT_EQ(again->properties.absolute_expiry_time, 1);
  EXPECT_EQ(again->properties.creation_time, 2);
  EXPECT_EQ(again->application_properties, message.application_properties);
  EXPECT_EQ(body_bytes(*again), message.data.front());
}

TEST(AmqpMessage, BodiesOfEveryKindAreRead) {
  const auto read = [](const Message& message) { return body_bytes(*decode_message(encode_message(message))); };
  EXPECT_EQ(read({}), "");
  EXPECT_EQ(read({.data = {"a", "b"}}), "ab");
  EXPECT_EQ(read({.value = Value::string("text")}), "text");
  EXPECT_EQ(read({.value = Value{}}), "");
  EXPECT_EQ(read({.value = Value::uint(1)}), std::nullopt);
}

TEST(AmqpMessage, WhatIsNoMessageIsRefused) {
  EXPECT_TRUE(decode_message(""));
  EXPECT_FALSE(decode_message("x"));
  std::string twice;
  for (int i = 0; i < 2; ++i) {
    append_descriptor(twice, 0x73);
    append_list(twice, 0, "");
  }
  EXPECT_FALSE(decode_message(twice));
  std::string unknown;
  append_descriptor(unknown, 0x79);
  append_list(unknown, 0, "");
  EXPECT_FALSE(decode_message(unknown));
  std::string wrong_type;
  append_descriptor(wrong_type, 0x75);
  append_string(wrong_type, "data has to be binary");
  EXPECT_FALSE(decode_message(wrong_type));
}

}  // namespace
}  // namespace twinhub::amqp
