#include "protocol/mqtt/decode.hpp"

#include "bytes.hpp"

#include <gtest/gtest.h>

namespace twinhub::mqtt {
namespace {

struct Malformed {
  const char* rule;
  std::string body;
};

TEST(DecodeConnect, ReadsEveryField) {
  const std::string body =
      connect_header(0xEE) + text("dev1") + text("will/topic") + text("gone") + text("user") + text("pass");
  const auto connect = decode_connect(body);
  ASSERT_TRUE(connect);
  EXPECT_TRUE(connect->clean_session);
  EXPECT_EQ(connect->keep_alive_seconds, 180);
  EXPECT_EQ(connect->client_id, "dev1");
  ASSERT_TRUE(connect->will);
  EXPECT_EQ(connect->will->topic, "will/topic");
  EXPECT_EQ(connect->will->message, "gone");
  EXPECT_EQ(connect->will->qos, 1);
  EXPECT_TRUE(connect->will->retain);
  EXPECT_EQ(connect->user_name, "user");
  EXPECT_EQ(connect->password, "pass");
}

TEST(DecodeConnect, TheSampleOfAnSdk) {
  const std::string user = "hub.local/dev1/?api-version=2021-04-12";
  const std::string sample = packet(0x10, connect_header(0xC0) + text("dev1") + text(user) + text("P"));
  EXPECT_EQ(sample.substr(0, 18), bytes({0x10, 0x3b, 0x00, 0x04, 0x4d, 0x51, 0x54, 0x54, 0x04, 0xc0, 0x00, 0xb4, 0x00,
                                         0x04, 0x64, 0x65, 0x76, 0x31}));
  const auto connect = decode_connect(std::string_view(sample).substr(2));
  ASSERT_TRUE(connect);
  EXPECT_EQ(connect->user_name, user);
  EXPECT_FALSE(connect->clean_session);
}

TEST(DecodeConnect, RefusesWhatTheStandardForbids) {
  const Malformed cases[] = {
      {"[MQTT-3.1.2-3] reserved flag", connect_header(0xC1) + text("d") + text("u") + text("p")},
      {"[MQTT-3.1.2-11] will QoS without will", connect_header(0x08) + text("d")},
      {"[MQTT-3.1.2-15] will retain without will", connect_header(0x20) + text("d")},
      {"[MQTT-3.1.2-14] will QoS 3", connect_header(0x1C) + text("d") + text("t") + text("m")},
      {"[MQTT-3.1.2-22] password without user name", connect_header(0x40) + text("d") + text("p")},
      {"[MQTT-3.1.3-3] no client identifier", connect_header(0x00)},
      {"[MQTT-3.1.2-19] user name missing", connect_header(0x80) + text("d")},
      {"[MQTT-3.1.2-21] password missing", connect_header(0xC0) + text("d") + text("u")},
      {"bytes behind the payload", connect_header(0x00) + text("d") + "x"},
      {"[MQTT-1.5.3-1] client identifier is not UTF-8", connect_header(0x00) + text("\xff")},
      {"[MQTT-1.5.3-2] U+0000", connect_header(0x00) + text(std::string_view("a\0b", 3))},
      {"a string longer than the packet", connect_header(0x00) + bytes({0x00, 0x05}) + "abc"},
      {"no keep alive", text("MQTT") + bytes({4, 0x00})},
  };
  for (const auto& c : cases) EXPECT_FALSE(decode_connect(c.body)) << c.rule;
}

TEST(DecodeConnect, EveryTruncationIsMalformed) {
  const std::string whole = connect_header(0xEE) + text("dev1") + text("t") + text("m") + text("u") + text("p");
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode_connect(whole.substr(0, size))) << size;
}

TEST(DecodePublish, ReadsFlagsTopicIdAndPayload) {
  const std::string body_0 = text("a/b") + "payload", body_1 = text("a") + bytes({0x12, 0x34});
  const auto at_0 = decode_publish(0x1, body_0);
  ASSERT_TRUE(at_0);
  EXPECT_EQ(at_0->topic, "a/b");
  EXPECT_EQ(at_0->payload, "payload");
  EXPECT_TRUE(at_0->retain);
  EXPECT_EQ(at_0->packet_id, 0);
  const auto at_1 = decode_publish(0xA, body_1);
  ASSERT_TRUE(at_1);
  EXPECT_EQ(at_1->qos, 1);
  EXPECT_TRUE(at_1->dup);
  EXPECT_EQ(at_1->packet_id, 0x1234);
  EXPECT_EQ(at_1->payload, "");
}

TEST(DecodePublish, RefusesWhatTheStandardForbids) {
  EXPECT_FALSE(decode_publish(0x6, text("a") + bytes({0, 1}))) << "[MQTT-3.3.1-4] QoS 3";
  EXPECT_FALSE(decode_publish(0x8, text("a"))) << "[MQTT-3.3.1-2] DUP at QoS 0";
  EXPECT_FALSE(decode_publish(0x2, text("a") + bytes({0, 0}))) << "[MQTT-2.3.1-1] packet identifier 0";
  EXPECT_FALSE(decode_publish(0x2, text("a") + bytes({1}))) << "half a packet identifier";
  EXPECT_FALSE(decode_publish(0x0, text(""))) << "[MQTT-4.7.3-1] empty topic";
  EXPECT_FALSE(decode_publish(0x0, text("\xc3"))) << "[MQTT-3.3.2-1] topic is not UTF-8";
  EXPECT_FALSE(decode_publish(0x0, bytes({0, 9}) + "abc")) << "topic longer than the packet";
}

TEST(DecodeSubscribe, ReadsEveryEntryInOrder) {
  std::vector<SubscribeEntry> entries;
  const std::string body = bytes({0, 7}) + text("a/#") + bytes({1}) + text("b") + bytes({2});
  EXPECT_EQ(decode_subscribe(body, entries), 7);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].filter, "a/#");
  EXPECT_EQ(entries[0].requested_qos, 1);
  EXPECT_EQ(entries[1].requested_qos, 2);
}

TEST(DecodeSubscribe, RefusesWhatTheStandardForbids) {
  const Malformed cases[] = {
      {"[MQTT-3.8.3-3] no entry", bytes({0, 7})},
      {"[MQTT-2.3.1-1] packet identifier 0", bytes({0, 0}) + text("a") + bytes({0})},
      {"[MQTT-3-8.3-4] QoS 3", bytes({0, 7}) + text("a") + bytes({3})},
      {"[MQTT-3-8.3-4] reserved bits of the QoS", bytes({0, 7}) + text("a") + bytes({0x81})},
      {"no QoS", bytes({0, 7}) + text("a")},
      {"[MQTT-4.7.3-1] empty filter", bytes({0, 7}) + text("") + bytes({0})},
      {"[MQTT-3.8.3-1] filter is not UTF-8", bytes({0, 7}) + text("\xed\xa0\x80") + bytes({0})},
  };
  std::vector<SubscribeEntry> entries;
  for (const auto& c : cases) EXPECT_FALSE(decode_subscribe(c.body, entries)) << c.rule;
}

TEST(DecodeUnsubscribe, RefusesWhatTheStandardForbids) {
  std::vector<std::string_view> filters;
  const std::string body = bytes({0, 9}) + text("a") + text("b");
  EXPECT_EQ(decode_unsubscribe(body, filters), 9);
  EXPECT_EQ(filters, (std::vector<std::string_view>{"a", "b"}));
  EXPECT_FALSE(decode_unsubscribe(bytes({0, 9}), filters)) << "[MQTT-3.10.3-2] no filter";
  EXPECT_FALSE(decode_unsubscribe(bytes({0, 0}) + text("a"), filters)) << "[MQTT-2.3.1-1]";
  EXPECT_FALSE(decode_unsubscribe(bytes({0, 9, 0}), filters)) << "half a length";
}

TEST(DecodePuback, HoldsExactlyAPacketIdentifier) {
  EXPECT_EQ(decode_puback(bytes({0x01, 0x02})), 0x0102);
  for (const auto& wrong : {bytes({}), bytes({1}), bytes({0, 0}), bytes({1, 2, 3})}) EXPECT_FALSE(decode_puback(wrong));
}

TEST(MqttString, IsWellFormedUtf8WithoutNullAndSurrogates) {
  for (const char* good : {"", "a", "\xC3\xA9", "\xE6\xBC\xA2", "\xF0\x9F\x98\x80", "\xEF\xBB\xBF", "\xEF\xBF\xBF"})
    EXPECT_TRUE(is_mqtt_string(good)) << good;
  for (const char* bad : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xED\xBF\xBF",
                          "\xF0\x80\x80\xAF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "a\xE6\xBC"}) {
    EXPECT_FALSE(is_mqtt_string(bad));
  }
}

TEST(TopicFilter, WildcardsStandAloneInTheirLevel) {
  for (const char* good : {"#", "+", "a/#", "a/+/b", "/", "+/+", "$iothub/twin/res/#"})
    EXPECT_TRUE(is_topic_filter(good)) << good;
  for (const char* bad : {"", "a#", "#/a", "a/#/b", "a+", "+a", "a/b+/c"}) EXPECT_FALSE(is_topic_filter(bad)) << bad;
}

}  // namespace
}  // namespace twinhub::mqtt
