// One HTTP/1.1 connection to a back end, kept between requests; TLS when the URL says so.
#pragma once

#include "protocol/error.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::events {

struct HttpTarget {
  std::string url;  ///< http://HOST[:PORT][/PATH] or https://...
  std::string ca;   ///< PEM file; "" = the system's
  std::string certificate;
  std::string private_key;
  std::vector<std::pair<std::string, std::string>> headers;
  std::chrono::seconds timeout{10};  ///< for each step: connecting, sending, the answer
};

struct HttpAnswer {
  unsigned status = 0;
  std::optional<std::chrono::seconds> retry_after;  ///< from Retry-After, seconds or date
};

/// One thread.
class HttpClient {
 public:
  /// Errors, for the operator: no such URL, a certificate that cannot be read.
  [[nodiscard]] static Result<std::unique_ptr<HttpClient>> make(HttpTarget target);
  virtual ~HttpClient() = default;
  /// Any status is an answer. Errors: no connection, no whole answer in time, stop. A kept connection that the other
  /// side has closed meanwhile is opened again once.
  [[nodiscard]] virtual Result<HttpAnswer> post(const std::string& body, const std::string& content_type,
                                                const std::stop_token& stop) = 0;
};

/// The seconds that a Retry-After header asks for; nullopt when it is neither a number nor a date (RFC 9110, 10.2.3).
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(const std::string& text, std::int64_t now_unix);

}  // namespace twinhub::events
