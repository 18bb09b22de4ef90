// One HTTP/1.1 connection as a client, kept between requests, with TLS or without: for webhooks and for the command
// line.
#pragma once

#include "protocol/error.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::net {

/// Whom to speak to, and how it is known that it is them.
struct HttpTarget {
  bool tls = true;
  std::string host = {};     ///< the Host header; with TLS what the server's certificate has to name
  std::string address = {};  ///< where to connect; "" = what `host` resolves to
  std::uint16_t port = 443;
  std::string ca = {};           ///< PEM file of the CAs to trust; "" = the system's
  std::string certificate = {};  ///< PEM file, for servers that ask for one; "" = none
  std::string private_key = {};
  std::chrono::seconds timeout{10};  ///< for each step: connecting, the handshake, sending, the answer
  std::uint64_t answer_bytes_max = 1U << 20;
};

struct HttpUrl {
  HttpTarget target;
  std::string path;  ///< with its query; at least "/"
};

/// Reads http://HOST[:PORT][/PATH] or https://...; nullopt when it is none, or has a user name in it.
[[nodiscard]] std::optional<HttpUrl> parse_http_url(const std::string& url);

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string_view method = "GET";
  std::string path = "/";  ///< with its query
  HttpHeaders headers = {};
  std::string body = {};
};

struct HttpAnswer {
  unsigned status = 0;
  HttpHeaders headers = {};
  std::string body = {};

  /// "" when the answer does not have it. `name` in any case.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// One thread.
class HttpClient {
 public:
  /// Does not connect yet. Errors, for the operator: a certificate or key that cannot be read.
  [[nodiscard]] static Result<std::unique_ptr<HttpClient>> make(HttpTarget target);
  virtual ~HttpClient() = default;
  /// Any status is an answer. Errors (service_unavailable), in words for the operator: no connection, an untrusted
  /// certificate, no whole answer in time, stop (an answer has another second then). A kept connection that the other
  /// side has closed meanwhile is opened again, once.
  [[nodiscard]] virtual Result<HttpAnswer> send(const HttpRequest& request, const std::stop_token& stop = {}) = 0;
  /// Opens the connection if there is none. Errors as send().
  [[nodiscard]] virtual Result<void> open(const std::stop_token& stop = {}) = 0;
  /// Whether the last send() had a connection to send on.
  [[nodiscard]] virtual bool reached() const = 0;
};

/// The seconds that a Retry-After header asks for; nullopt when it is neither a number nor a date (RFC 9110, 10.2.3).
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(const std::string& text, std::int64_t now_unix);

}  // namespace twinhub::net
