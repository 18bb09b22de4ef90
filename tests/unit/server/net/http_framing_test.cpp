// What a request says twice, or of a host that is none.
#include "server/net/http_framing.hpp"

#include "server/net/request_head.hpp"

#include <gtest/gtest.h>
#include <string>

namespace twinhub::net {
namespace {

/// The status that a request with these lines is refused with; 0 = it is taken.
unsigned status_of(const std::string& lines, const std::string& target = "/") {
  const std::string head = "GET " + target + " HTTP/1.1\r\n" + lines + "\r\n";
  RequestParser parser;
  const auto fault = read_head(parser, head);
  if (!fault) return 0;
  return fault->framing ? fault->framing->status : 1;
}
unsigned status_of_host(const std::string& host) { return status_of("Host: " + host + "\r\n"); }

TEST(HttpFraming, AHostIsANameOrAnAddressWithAnOptionalPort) {
  for (const char* host : {"hub.local", "hub.local:443", "HUB_1.local:", "127.0.0.1:8443", "[::1]", "[fe80::1]:443",
                           "[v1.a:b]", "a%20b", "", "h-u~b!$&'()*+,;="})
    EXPECT_EQ(status_of_host(host), 0U) << host;
  for (const char* host : {"hub local",
                           "hub/path",
                           "user@hub",
                           "hub?x",
                           "hub#x",
                           "hub\\x",
                           "h\xC3\xBC"
                           "b",
                           "hub:44a",
                           "hub:1:2",
                           ":443",
                           "[::1",
                           "::1",
                           "[::1]x",
                           "[]",
                           "[g/]",
                           "hub%2",
                           "hub%zz",
                           "<hub>",
                           "hub\"",
                           "{hub}"})
    EXPECT_EQ(status_of_host(host), 400U) << host;
}

TEST(HttpFraming, TheHostOfAWholeUrlIsLookedAtLikeTheHeader) {
  EXPECT_EQ(status_of("Host: hub\r\n", "https://hub:443/a"), 0U);
  EXPECT_EQ(status_of("Host: hub\r\n", "https://user@hub/a"), 400U);
  EXPECT_EQ(status_of("Host: hub\r\n", "http://hu<b/a"), 400U);
}

TEST(HttpFraming, AHeaderWithOneValueStandsOnce) {
  for (const char* name : {"Authorization", "authorization", "Content-Type", "Origin", "Sec-WebSocket-Key"}) {
    const std::string line = std::string(name) + ": a\r\n";
    EXPECT_EQ(status_of("Host: hub\r\n" + line), 0U) << name;
    EXPECT_EQ(status_of("Host: hub\r\n" + line + line), 400U) << name << ", the same twice";
  }
  EXPECT_EQ(status_of("Host: hub\r\nIf-Match: \"1\"\r\nIf-Match: \"2\"\r\nX: 1\r\nX: 2\r\n"), 0U) << "lists may be cut";
  EXPECT_EQ(status_of("Host: hub\r\nHost: hub\r\n"), 400U);
  EXPECT_EQ(status_of(""), 400U) << "no Host";
}

}  // namespace
}  // namespace twinhub::net
