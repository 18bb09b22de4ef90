#include "server/ops/visitor.hpp"

#include <gtest/gtest.h>

namespace twinhub::ops {
namespace {

namespace http = boost::beast::http;

http::request_header<> asks(const std::string& host) {
  http::request_header<> request;
  request.set(http::field::host, host);
  return request;
}

TEST(OpsVisitor, AHostIsAnAddressLocalhostOrAHostNameOfTheHub) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:9600", "[::1]:9600", "[::1]", "localhost", "LOCALHOST:9600",
                           "hub.example", "Hub.Example:9600"}) {
    EXPECT_TRUE(is_host_of_hub(host, {"hub.example"})) << host;
  }
  for (const char* host :
       {"", "evil.example", "evil.example:9600", "127.0.0.1.evil.example", "localhost.evil.example", "hub.example.evil",
        "[::1", "[::1]x", "localhost:", "localhost:1x", "localhost:1:2", ":80"}) {
    EXPECT_EQ(is_host_of_hub(host, {"hub.example"}), std::string(host) == "localhost:") << host;
  }
}

TEST(OpsVisitor, OnlyHttp10NeedsNoHost) {
  http::request_header<> request;
  request.version(10);
  EXPECT_EQ(check_visitor(request, {}).status, 0U);
  request.version(11);
  EXPECT_EQ(check_visitor(request, {}).status, 421U);
  request.version(10);
  request.set(http::field::host, "rebound.example");
  EXPECT_EQ(check_visitor(request, {}).status, 421U);
}

TEST(OpsVisitor, PagesOfOtherSitesAreRefused) {
  EXPECT_EQ(check_visitor(asks("rebound.example:9600"), {}).status, 421U);
  for (const auto& [name, value, status] :
       std::vector<std::tuple<std::string, std::string, unsigned>>{{"Sec-Fetch-Site", "cross-site", 403},
                                                                   {"Sec-Fetch-Site", "same-site", 403},
                                                                   {"Sec-Fetch-Site", "same-origin", 0},
                                                                   {"Sec-Fetch-Site", "none", 0},
                                                                   {"Origin", "http://127.0.0.1:9600", 0},
                                                                   {"Origin", "http://127.0.0.1:8000", 403},
                                                                   {"Origin", "https://evil.example", 403},
                                                                   {"Origin", "null", 403}}) {
    auto request = asks("127.0.0.1:9600");
    request.set(name, value);
    EXPECT_EQ(check_visitor(request, {}).status, status) << name << ": " << value;
  }
}

TEST(OpsVisitor, EventsAndBackupsAreForThisMachineOrForTheToken) {
  for (const char* path : {"/events", "/backup", "/reload"}) EXPECT_TRUE(is_private(path)) << path;
  for (const char* path : {"/healthz", "/readyz", "/metrics", "/ca.pem", "/ca", "/"})
    EXPECT_FALSE(is_private(path)) << path;
  const auto here = boost::asio::ip::make_address("127.0.0.1"), there = boost::asio::ip::make_address("10.0.0.2");
  auto request = asks("10.0.0.1:9600");
  EXPECT_EQ(check_reader(request, here, "").status, 0U);
  EXPECT_EQ(check_reader(request, boost::asio::ip::make_address("::ffff:127.0.0.1"), "secret").status, 0U);
  EXPECT_EQ(check_reader(request, there, "").status, 403U);
  EXPECT_EQ(check_reader(request, there, "secret").status, 401U);
  for (const auto& [given, status] : std::vector<std::pair<std::string, unsigned>>{{"Bearer secret", 0},
                                                                                   {"bearer secret", 0},
                                                                                   {"Bearer secre", 401},
                                                                                   {"Bearer secrets", 401},
                                                                                   {"secret", 401}}) {
    request.set(http::field::authorization, given);
    EXPECT_EQ(check_reader(request, there, "secret").status, status) << given;
    EXPECT_EQ(has_token(request, "secret"), status == 0) << given;
    EXPECT_FALSE(has_token(request, "")) << given;
  }
}

}  // namespace
}  // namespace twinhub::ops
