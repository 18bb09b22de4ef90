// Back ends: keep-alive HTTP/1.1 connections to the service REST API, one request at a time on each.
#pragma once

#include "bench/load/errors.hpp"
#include "bench/load/stream.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::load {

struct HttpRequest {
  std::string method;
  std::string path;     ///< with its query
  std::string headers;  ///< whole lines, each ended by CR LF
  std::string body;
};

/// Views die when the call returns.
struct HttpAnswer {
  int status = 0;
  std::string_view head;  ///< status line and headers
  std::string_view body;

  /// "" when it is absent. `name` in lower case.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Called once; null when the connection ended first (the error is counted already).
using HttpDone = std::function<void(const HttpAnswer* answer)>;

/// A pool of connections. One thread: its loop's.
class BackEnds {
 public:
  /// `authorization`: the header's value, on every request.
  BackEnds(EventLoop& loop, Errors& errors, SSL_CTX* tls, Address address, std::string authorization,
           std::size_t connections);
  ~BackEnds();

  /// Takes a free connection, or waits for one.
  void request(HttpRequest request, HttpDone done);

 private:
  class Connection;
  void serve(Connection& connection);

  Errors& errors_;
  std::string common_;  // header lines of every request
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> free_;
  std::deque<std::pair<HttpRequest, HttpDone>> waiting_;
};

}  // namespace twinhub::load
