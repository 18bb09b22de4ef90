// The operations port: a few pages over HTTP, with TLS or without, served by a thread of their own so that they answer when all others
// are busy; and GET /events, a stream (event_streams.hpp).
#pragma once

#include "protocol/error.hpp"
#include "server/net/admission.hpp"
#include "server/ops/event_streams.hpp"
#include "server/ops/site.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::ops {

struct Page {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};
/// GET of `path`; `query` is "" or begins with '?'. Called on the operations thread; must not block for long.
using Pages = std::function<Page(std::string_view path, std::string_view query)>;
/// A POST from whichever machine, or a GET that brings a key for what a POST has ordered; no body is read.
struct Order {
  bool only_looks = false;  ///< a GET
  std::string_view path;
  std::string_view query;          ///< without its '?'
  std::string_view authorization;  ///< the header; who may order what is the receiver's to say
  bool has_token = false;          ///< that header is OpsOptions::token
};
/// As Pages.
using Posts = std::function<Page(const Order& order)>;

struct OpsOptions {
  std::vector<std::string> host_names;  ///< of the hub: requests may name it so
  std::string token;             ///< what peers that are not on this machine need for is_private(); "" = they may not
  std::size_t streams_max = 32;  ///< GET /events at one time; beyond, 503
  std::chrono::seconds request_timeout{15};
  std::uint32_t header_bytes_max = 8 * 1024;
  std::function<std::shared_ptr<SSL_CTX>()> tls = {};  ///< the present one, for a new connection; empty: no TLS
};

class OpsDoor {
 public:
  /// Listens at once. `open_events` serves GET /events; `sites`, which outlive the door, further paths.
  /// Errors, for the operator: port in use, no such address.
  [[nodiscard]] static Result<std::unique_ptr<OpsDoor>> open(const std::string& address, std::uint16_t port,
                                                             OpsOptions options, net::Admission& admission, Pages pages,
                                                             Posts posts, OpenEventSource open_events,
                                                             std::vector<Site*> sites = {});
  virtual ~OpsDoor() = default;
  /// New events are durable. Any thread; quick.
  virtual void wake_event_streams() = 0;
  /// Ends every stream; none of their sources is left when this returns. Any thread but the door's own.
  virtual void end_event_streams() = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

}  // namespace twinhub::ops
