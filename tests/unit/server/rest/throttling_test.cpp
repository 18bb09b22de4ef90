// The hub's limits as a back end meets them.
#include "rest_hub.hpp"

#include <gtest/gtest.h>
#include <chrono>

namespace twinhub::test {
namespace {

using namespace std::chrono_literals;

hub::HubOptions s1(std::chrono::seconds burst, std::chrono::seconds backlog, hub::Sku sku = hub::Sku::s1) {
  hub::HubOptions options;
  options.gate.throttle = {.sku = sku, .units = 1, .burst = burst, .backlog = backlog};
  return options;
}

}  // namespace

TEST(RestThrottling, ARefusedRequestGetsIotHubsAnswerAndTheConnectionEnds) {
  RestHub hub({}, s1(0s, 0s));
  hub.clock().hold_steady();  // else a slow request earns the next one
  hub.create("d1");
  Peer peer(hub.port());
  peer.send(hub.request("GET", "/devices/d1?api-version=2021-04-12"));
  const Answer answer = peer.receive();
  EXPECT_EQ(answer.status, 429U);
  EXPECT_EQ(answer.error_name(), "ThrottlingBacklogTimeout");
  EXPECT_EQ(answer.headers.at("iothub-errorcode"), "ThrottlingBacklogTimeout");
  EXPECT_EQ(answer.headers.count("retry-after"), 0U);
  EXPECT_NE(answer.body.find("Wait 10 seconds and try again. Operation type: IdentityRegistry"), std::string::npos);
  EXPECT_TRUE(peer.closed());
}

TEST(RestThrottling, EachClassOfOperationHasItsOwnRate) {
  RestHub hub({}, s1(0s, 0s));
  hub.clock().hold_steady();  // else a slow request earns the next one
  hub.create("d1");
  EXPECT_EQ(hub.call("GET", "/devices/d1").status, 429U);
  EXPECT_EQ(hub.call("GET", "/twins/d1").status, 200U);
  EXPECT_EQ(hub.call("PATCH", "/twins/d1", R"({"tags":{"a":1}})").status, 200U);
}

TEST(RestThrottling, WhoIsNotAllowedInUsesNothingUp) {
  RestHub hub({}, s1(0s, 0s));
  for (int i = 0; i < 3; ++i) {
    const std::string header = "Authorization: " + hub.token("service") + "\r\n";
    EXPECT_EQ(hub.call("PUT", "/devices/d1", "{}", header).status, 401U);
  }
  EXPECT_EQ(hub.call("PUT", "/devices/d1", "{}").status, 200U);
}

TEST(RestThrottling, ARequestThatHasToWaitIsAnsweredInItsTurn) {
  RestHub hub({}, s1(0s, 10s));  // a hundred registry operations per minute: one every 0.6 s
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(hub.call("PUT", "/devices/d1", "{}").status, 200U);
  EXPECT_EQ(hub.call("GET", "/devices/d1").status, 200U);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 550ms);
}

TEST(RestThrottling, OverTheDaysMessagesEveryRequestFails) {
  RestHub hub({}, s1(60s, 10s, hub::Sku::f1));
  hub.create("d1");
  const std::string large = R"({"tags":{"x":")" + std::string(900'000, ' ') + R"("}})";
  unsigned status = 0;
  for (int i = 0; i < 20 && status != 403; ++i) status = hub.call("PATCH", "/twins/d1", large).status;
  EXPECT_EQ(status, 403U);
  const Answer answer = hub.call("GET", "/devices/d1");
  EXPECT_EQ(answer.status, 403U);
  EXPECT_EQ(answer.error_name(), "IotHubQuotaExceeded");
}

}  // namespace twinhub::test
