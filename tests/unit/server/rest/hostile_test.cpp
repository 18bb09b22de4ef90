#include "rest_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

const std::string version = "?api-version=2021-04-12";

TEST(RestBytes, AChunkedBodyIsABody) {
  const RestHub hub;
  const Answer answer = hub.call("PUT", "/devices/d1", "9\r\n{\"status\"\r\nb\r\n:\"enabled\"}\r\n0\r\n\r\n",
                                 "Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(answer.status, 200U) << answer.body;
}

TEST(RestBytes, ExpectContinueIsAnsweredBeforeTheBody) {
  const RestHub hub;
  Peer peer(hub.port());
  const std::string whole = hub.request("PUT", "/devices/d1" + version, "{}", "Expect: 100-continue\r\n");
  peer.send(whole.substr(0, whole.size() - 2));
  EXPECT_EQ(peer.receive().status, 100U);
  peer.send("{}");
  EXPECT_EQ(peer.receive().status, 200U);
}

TEST(RestBytes, AConnectionServesRequestAfterRequest) {
  const RestHub hub;
  hub.create("d1");
  Peer peer(hub.port());
  for (int i = 0; i < 20; ++i) {
    peer.send(hub.request("GET", "/twins/d1" + version));
    EXPECT_EQ(peer.receive().status, 200U);
  }
  peer.send(hub.request("GET", "/twins/d1" + version, "", "Connection: close\r\n"));
  EXPECT_EQ(peer.receive().status, 200U);
  EXPECT_TRUE(peer.closed());
}

TEST(RestBytes, PipelinedRequestsAreAnsweredInOrder) {
  const RestHub hub;
  Peer peer(hub.port());
  peer.send(hub.request("PUT", "/devices/d1" + version, "{}") + hub.request("GET", "/twins/d1" + version) +
            hub.request("GET", "/twins/d2" + version));
  EXPECT_EQ(peer.receive().status, 200U);
  EXPECT_EQ(peer.receive().status, 200U);
  EXPECT_EQ(peer.receive().status, 404U);
}

TEST(RestBytes, WhatIsNoHttpIsAnsweredAndClosed) {
  const RestHub hub;
  for (const std::string garbage :
       {"nonsense\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\x01\x01\x01\xfc\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"}) {
    Peer peer(hub.port());
    peer.send(garbage);
    EXPECT_EQ(peer.receive().status, 400U) << garbage;
    EXPECT_TRUE(peer.closed());
  }
  hub.create("still-serving");
}

TEST(RestBytes, HalfARequestThenGoneHurtsNobody) {
  const RestHub hub;
  const std::string whole = hub.request("PUT", "/devices/d1" + version, R"({"status":"enabled"})");
  for (std::size_t size = 1; size < whole.size(); size += 7) {
    Peer peer(hub.port());
    peer.send(std::string_view(whole).substr(0, size));
    peer.finish_sending();
    EXPECT_TRUE(peer.closed());
  }
  EXPECT_EQ(hub.call("GET", "/devices/d1").status, 404U);
}

TEST(RestBytes, HalfARequestThenSilenceIsClosed) {
  rest::DoorOptions options;
  options.header_timeout = std::chrono::seconds(1);
  options.idle_timeout = std::chrono::seconds(1);
  const RestHub hub(options);
  Peer header(hub.port());
  header.send("GET /twins/d1 HT");
  Peer body(hub.port());
  body.send("PUT /devices/d1 HTTP/1.1\r\nContent-Length: 10\r\n\r\n{");
  Peer nothing(hub.port());
  EXPECT_TRUE(header.closed());
  EXPECT_TRUE(body.closed());
  EXPECT_TRUE(nothing.closed());
  hub.create("still-serving");
}

TEST(RestBytes, WhatIsTooLargeIsRefused) {
  rest::DoorOptions options;
  options.body_bytes_max = 64 * 1024;
  const RestHub hub(options);
  const Answer body = hub.call("PUT", "/devices/d1", std::string(64 * 1024 + 1, ' '));
  EXPECT_EQ(body.status, 413U);
  EXPECT_EQ(body.error_name(), "MessageTooLarge");
  EXPECT_EQ(hub.call("GET", "/devices/d1", "", "X-Long: " + std::string(40'000, 'x') + "\r\n").status, 431U);
  EXPECT_EQ(hub.call("GET", "/devices/d1").status, 404U);
}

TEST(RestBytes, PastItsConnectionsTheDoorClosesNewOnes) {
  rest::DoorOptions options;
  options.connections_max = 1;  // on each of two threads
  const RestHub hub(options);
  Peer first(hub.port()), second(hub.port());
  for (Peer* peer : {&first, &second}) {
    peer->send(hub.request("GET", "/devices/d1" + version));
    EXPECT_EQ(peer->receive().status, 404U);
  }
  Peer third(hub.port());
  EXPECT_TRUE(third.closed());
}

}  // namespace
}  // namespace twinhub::test
