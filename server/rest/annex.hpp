// Another room's paths on the service door: one port, two rooms. The door reads and writes HTTP; whose the path is, who
// may ask and what is answered, the room says. The REST API's own routes (routes.hpp) know nothing of it.
#pragma once

#include "server/rest/request.hpp"
#include "server/rest/response.hpp"
#include "server/rest/rest_lane.hpp"

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace twinhub::rest {

/// The head of a request for the annex: all that is known before its body is read. Views live as long as the call.
struct Visit {
  const Request& request;
  std::string_view host;  ///< as sent: the Host header, or in its place the authority of a whole URL (RFC 9112, 3.2.2)
  std::string_view if_match;  ///< the If-Match header as sent
  const boost::asio::ip::address& peer;
  /// Of the body: what Content-Length says, 0 without a body, nullopt when it comes in chunks.
  std::optional<std::uint64_t> body_bytes;
};

/// A request whose body may be read.
struct AnnexRequest {
  /// Answers through `reply`, now or later, exactly once. Called on the connection's I/O thread: it must not block.
  std::function<void(const Reply& reply, std::string body)> answer;
  bool is_known = false;  ///< the sender has proved who it is: the connection is no stranger's from now on
};

/// Any thread.
class Annex {
 public:
  virtual ~Annex() = default;
  /// Whether the path is the annex's, on a connection with or without TLS.
  [[nodiscard]] virtual bool has(const Request& request, bool tls) const = 0;
  /// Decides by the head alone; else the answer to a refused request. REQUIRES: has().
  [[nodiscard]] virtual std::variant<AnnexRequest, Response> admit(const Visit& visit) = 0;
};

}  // namespace twinhub::rest
