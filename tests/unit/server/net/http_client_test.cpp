#include "server/net/http_client.hpp"

#include <gtest/gtest.h>

namespace twinhub::net {
namespace {

using std::chrono::seconds;

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("120", 0), seconds(120));
  EXPECT_EQ(parse_retry_after("0", 0), seconds(0));
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 1970 00:01:30 GMT", 30), seconds(60));
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 1970 00:00:00 GMT", 30), seconds(0));
  for (const char* wrong : {"", "-1", "soon", "1.5", "99999999999999", "Thu, 01 Jan"})
    EXPECT_EQ(parse_retry_after(wrong, 0), std::nullopt) << wrong;
}

TEST(HttpUrl, ThatIsNoneIsRefused) {
  for (const char* wrong : {"", "http://", "https:///x", "http://a:/x", "http://a:0", "http://a:65536", "http://a:8x",
                            "http://user:pass@host/", "http://a b/", "http://a/\n", "ftp://a", "a"})
    EXPECT_FALSE(parse_http_url(wrong)) << wrong;
}

TEST(HttpUrl, HasItsParts) {
  const auto all = parse_http_url("https://a:1/x?y=z");
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->target.tls);
  EXPECT_EQ(all->target.host, "a");
  EXPECT_EQ(all->target.port, 1);
  EXPECT_EQ(all->path, "/x?y=z");
  const auto least = parse_http_url("http://a");
  ASSERT_TRUE(least);
  EXPECT_FALSE(least->target.tls);
  EXPECT_EQ(least->target.port, 80);
  EXPECT_EQ(least->path, "/");
  EXPECT_EQ(parse_http_url("http://[::1]:81/x").value().target.host, "::1");
  EXPECT_EQ(parse_http_url("http://[::1]/x").value().target.port, 80);
  EXPECT_EQ(parse_http_url("http://127.0.0.1?x").value().path, "/?x");
}

TEST(HttpClient, FilesThatCannotBeReadAreNamed) {
  const auto client = HttpClient::make({.host = "a", .ca = "/nowhere/ca.pem"});
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().detail.find("/nowhere/ca.pem"), std::string::npos);
}

}  // namespace
}  // namespace twinhub::net
