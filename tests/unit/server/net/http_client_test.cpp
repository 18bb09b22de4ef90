#include "server/net/http_client.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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

/// Gives each request without a body the next of its answers, whatever they are; a connection that its client leaves is
/// followed by the next.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers)
      : answers_(std::move(answers)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::unique_ptr<HttpClient> client() const {
    return *HttpClient::make({.tls = false, .host = "127.0.0.1", .port = port_, .timeout = seconds(120)});
  }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void serve() {
    std::size_t next = 0;
    for (int peer = ::accept(listener_, nullptr, nullptr); peer >= 0; peer = ::accept(listener_, nullptr, nullptr)) {
      ++connections_;
      std::string text;
      char bytes[4096];
      for (ssize_t read = ::recv(peer, bytes, sizeof bytes, 0); read > 0; read = ::recv(peer, bytes, sizeof bytes, 0)) {
        text.append(bytes, static_cast<std::size_t>(read));
        if (text.find("\r\n\r\n") == std::string::npos) continue;
        text.clear();
        const std::string answer = next < answers_.size() ? answers_[next++] : "";
        if (::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
      }
      ::close(peer);
    }
  }

  const std::vector<std::string> answers_;
  const int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::jthread thread_;
};

std::string answered(unsigned status, const std::string& body = "") {
  return "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

const HttpRequest get{.method = "GET", .path = "/"};

TEST(HttpClient, InterimAnswersAreNobodysAnswer) {
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  const ScriptedServer server({hints + answered(200, "a"), hints + go_on + answered(500, "b"), answered(204)});
  const auto client = server.client();
  for (const auto& [status, body] : {std::pair<unsigned, std::string>{200, "a"}, {500, "b"}, {204, ""}}) {
    const auto answer = client->send(get, {});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->body, body);
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, InterimAnswersWithoutEndAreAFailure) {
  std::string endless;
  for (int i = 0; i < 1000; ++i) endless += "HTTP/1.1 102 Processing\r\n\r\n";
  const ScriptedServer server({endless, "HTTP/1.1 101 Switching Protocols\r\n\r\n", answered(200, "well")});
  const auto client = server.client();
  EXPECT_FALSE(client->send(get, {}));
  EXPECT_FALSE(client->send(get, {})) << "nobody asked for another protocol";
  const auto answer = client->send(get, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "well");
  EXPECT_EQ(server.connections(), 3);
}

/// Each answer is of its own request, or of none.
TEST(HttpClient, BytesBehindAnAnswerAreNotTheNextOnes) {
  const ScriptedServer server({answered(200, "first") + answered(500, "unasked"), answered(200, "second")});
  const auto client = server.client();
  EXPECT_EQ(client->send(get, {})->body, "first");
  const auto second = client->send(get, {});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->body, "second");
}

}  // namespace
}  // namespace twinhub::net
