#include "server/rest/web_socket.hpp"

#include <gtest/gtest.h>

#include <string>

namespace twinhub::rest {
namespace {

namespace http = boost::beast::http;

/// Three doors at two paths.
const net::WebSocketDoors doors{
    {"/$iothub/websocket", "mqtt", {}}, {"/$iothub/websocket", "AMQPWSB10", {}}, {"/other", "AMQPWSB10", {}}};

struct WebSocketDoorsTest : ::testing::Test {
  WebSocketDoorsTest() {
    message.method(http::verb::get);
    message.version(11);
    message.set(http::field::host, "hub");
    message.set(http::field::upgrade, "websocket");
    message.set(http::field::connection, "Upgrade");
    message.set(http::field::sec_websocket_version, "13");
    message.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  }
  [[nodiscard]] Result<WebSocketChoice> choose(const net::WebSocketDoors& table, const std::string& path,
                                               const std::string& subprotocols) {
    request.path = path;
    message.set(http::field::sec_websocket_protocol, subprotocols);
    return choose_web_socket_door(message, request, table, true);
  }
  /// The number of the chosen door in `doors`; -1: refused.
  [[nodiscard]] int chosen(const std::string& path, const std::string& subprotocols) {
    const auto choice = choose(doors, path, subprotocols);
    return choice ? static_cast<int>(choice->door - doors.data()) : -1;
  }
  [[nodiscard]] std::string refusal(const net::WebSocketDoors& table, const std::string& path,
                                    const std::string& subprotocols) {
    const auto choice = choose(table, path, subprotocols);
    return choice ? "" : choice.error().detail;
  }

  HttpRequest message;
  Request request;
};

TEST_F(WebSocketDoorsTest, PathAndSubprotocolChooseTheDoor) {
  EXPECT_EQ(chosen("/$iothub/websocket", "mqtt"), 0);
  EXPECT_EQ(chosen("/$iothub/websocket", "AMQPWSB10"), 1);
  EXPECT_EQ(chosen("/other", "AMQPWSB10"), 2);
  EXPECT_EQ(chosen("/$IOTHUB/WebSocket", "MQTT"), 0);
}

TEST_F(WebSocketDoorsTest, OfSeveralSubprotocolsTheClientsFirstThatIsServedWins) {
  EXPECT_EQ(chosen("/$iothub/websocket", "chat, AMQPWSB10, mqtt"), 1);
  EXPECT_EQ(chosen("/other", "mqtt, amqpwsb10"), 2);
  EXPECT_EQ(choose(doors, "/other", "mqtt, amqpwsb10")->subprotocol, "amqpwsb10");  // in the client's spelling
}

TEST_F(WebSocketDoorsTest, WhatNoDoorServesIsRefusedWithWhatIsServed) {
  EXPECT_EQ(chosen("/other", "mqtt"), -1);
  EXPECT_EQ(refusal(doors, "/other", "mqtt"), "The WebSocket subprotocol has to be AMQPWSB10.");
  EXPECT_EQ(refusal(doors, "/$iothub/websocket", "chat"), "The WebSocket subprotocol has to be mqtt or AMQPWSB10.");
  EXPECT_EQ(refusal(doors, "/nowhere", "mqtt"), "WebSockets are at /$iothub/websocket or /other only.");
  EXPECT_EQ(choose(doors, "/nowhere", "mqtt").error().code, Errc::generic_bad_request);
}

TEST_F(WebSocketDoorsTest, WithMqttAloneTheAnswersNameItAndSayThatAmqpIsMissing) {
  const net::WebSocketDoors mqtt_alone{doors[0]};
  EXPECT_EQ(refusal(mqtt_alone, "/", "mqtt"), "WebSockets are at /$iothub/websocket only.");
  EXPECT_EQ(refusal(mqtt_alone, "/$iothub/websocket", "chat"), "The WebSocket subprotocol has to be mqtt.");
  EXPECT_EQ(refusal(mqtt_alone, "/$iothub/websocket", "AMQPWSB10"), "The WebSocket subprotocol has to be mqtt.");
}

TEST_F(WebSocketDoorsTest, ATableWithoutDoorsServesNone) {
  const auto choice = choose({}, "/$iothub/websocket", "mqtt");
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, Errc::not_implemented);
}

TEST_F(WebSocketDoorsTest, ARequestIsForAWebSocketByItsPathOrItsUpgrade) {
  request.path = "/devices/d1";
  EXPECT_TRUE(asks_for_web_socket(message, request, doors));
  message.erase(http::field::upgrade);
  EXPECT_FALSE(asks_for_web_socket(message, request, doors));
  request.path = "/other";
  EXPECT_TRUE(asks_for_web_socket(message, request, doors));
}

}  // namespace
}  // namespace twinhub::rest
