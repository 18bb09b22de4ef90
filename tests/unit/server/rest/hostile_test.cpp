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

TEST(RestBytes, WithEveryPlaceTakenByStrangersABackEndIsServed) {
  const RestHub hub({}, {}, {.rest_connections_max = 2});
  Peer first(hub.port()), second(hub.port());
  for (Peer* peer : {&first, &second}) {
    peer->send("GET /devices/d1?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.local\r\n\r\n");
    EXPECT_EQ(peer->receive().status, 401U);
  }
  Peer back_end(hub.port());
  back_end.send(hub.request("GET", "/devices/d1" + version));
  EXPECT_EQ(back_end.receive().status, 404U);
  EXPECT_TRUE(first.closed());
  // It is known now, and stays whoever comes.
  for (int i = 0; i < 5; ++i) {
    Peer stranger(hub.port());
    stranger.send("GET /nothing HTTP/1.1\r\nHost: hub.local\r\n\r\n");
    EXPECT_EQ(stranger.receive().status, 404U);
  }
  back_end.send(hub.request("GET", "/devices/d1" + version));
  EXPECT_EQ(back_end.receive().status, 404U);
}

TEST(RestBytes, AStrangerThatIsSilentAfterItsAnswerIsClosedSoon) {
  rest::DoorOptions options;
  options.stranger_idle_timeout = std::chrono::seconds(1);
  const RestHub hub(options);
  Peer known(hub.port()), stranger(hub.port());
  known.send(hub.request("GET", "/statistics/devices" + version));
  EXPECT_EQ(known.receive().status, 200U);
  stranger.send("GET /nothing HTTP/1.1\r\nHost: hub.local\r\n\r\n");
  EXPECT_EQ(stranger.receive().status, 404U);
  EXPECT_TRUE(stranger.closed());
  known.send(hub.request("GET", "/statistics/devices" + version));
  EXPECT_EQ(known.receive().status, 200U);
}

TEST(RestBytes, TheBodyOfAStrangerIsNotReadBeforeItsAnswer) {
  const RestHub hub;
  for (const char* length : {"Content-Length: 1000000", "Transfer-Encoding: chunked", "Content-Length: 10"}) {
    Peer peer(hub.port());
    peer.send("PUT /devices/d1?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.local\r\n" + std::string(length) +
              "\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(peer.receive().status, 401U) << length;
    EXPECT_TRUE(peer.closed());
  }
}

TEST(RestBytes, AShortBodyThatCameAlongDoesNotEndAStrangersConnection) {
  const RestHub hub;
  Peer peer(hub.port());
  for (int i = 0; i < 2; ++i) {
    peer.send("PUT /devices/d1?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.local\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_EQ(peer.receive().status, 401U);
  }
}

TEST(RestBytes, AStrangersHeadersAreSmall) {
  const RestHub hub;
  const std::string large = "X-Long: " + std::string(9000, 'x') + "\r\n";
  EXPECT_EQ(hub.call("GET", "/devices/d1", "", large).status, 431U);
  Peer known(hub.port());
  known.send(hub.request("GET", "/devices/d1" + version));
  EXPECT_EQ(known.receive().status, 404U);
  known.send(hub.request("GET", "/devices/d1" + version, "", large));
  EXPECT_EQ(known.receive().status, 404U);
}

TEST(RestBytes, FramingThatTwoReadersCouldUnderstandDifferentlyIsRefusedAndClosed) {
  struct Case {
    std::string_view head;  ///< behind the request line
    unsigned status;
  };
  constexpr std::string_view host = "Host: hub.local\r\n";
  const Case cases[] = {
      {"Transfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: xchunked\r\n", 400},
      {"Transfer-Encoding: gzip\r\n", 400},
      {"Transfer-Encoding: chunked, identity\r\n", 400},
      {"Transfer-Encoding: chunked, chunked\r\n", 400},
      {"Transfer-Encoding: gzip, chunked\r\n", 501},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400},
      {"Content-Length: 3\r\nContent-Length: 4\r\n", 400},
      {"Content-Length: 3, 3\r\n", 400},
      {"Content-Length: +3\r\n", 400},
      {"Content-Length: 0x3\r\n", 400},
      {"Content-Length: -1\r\n", 400},
      {"X-Folded: a\r\n b\r\n", 400},
      {"Content-Length : 3\r\n", 400},
      {"Host: other\r\n", 400},
  };
  const RestHub hub;
  const std::string smuggled = hub.request("GET", "/statistics/devices" + version);
  for (const Case& one : cases) {
    Peer peer(hub.port());
    peer.send("GET /devices/d1" + version + " HTTP/1.1\r\n" + std::string(host) + std::string(one.head) +
              "Authorization: " + hub.token("iothubowner") + "\r\n\r\n" + smuggled);
    EXPECT_EQ(peer.receive().status, one.status) << one.head;
    EXPECT_EQ(peer.receive().status, 0U) << one.head;  // what followed is no request
  }
  for (const std::string head :
       {"GET /devices/d1 HTTP/1.1\r\n\r\n",
        "PUT /devices/d1 HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    Peer peer(hub.port());
    peer.send(head);
    EXPECT_EQ(peer.receive().status, 400U) << head;
    EXPECT_TRUE(peer.closed());
  }
}

TEST(RestBytes, AnAnswerToHeadHasNoBody) {
  const RestHub hub;
  Peer peer(hub.port());
  peer.send(hub.request("HEAD", "/devices/none" + version));
  const std::string head = peer.receive_head();
  EXPECT_EQ(head.substr(0, 10), "HTTP/1.1 4") << head;
  peer.send(hub.request("GET", "/statistics/devices" + version));
  EXPECT_EQ(peer.receive().status, 200U);
}

TEST(RestBytes, AnAbsoluteTargetIsReadAsItsPath) {
  const RestHub hub;
  hub.create("d1");
  for (const std::string scheme : {"https://hub.local", "HTTP://hub.local:443"})
    EXPECT_EQ(hub.call("GET", scheme + "/devices/d1").status, 200U);
}

}  // namespace
}  // namespace twinhub::test
