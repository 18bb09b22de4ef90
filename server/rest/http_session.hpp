// One HTTP/1.1 connection of a back end: reads a request, has it handled, writes the answer, reads the next request.
#pragma once

#include "server/rest/response.hpp"
#include "server/rest/rest_lane.hpp"

#include <cstdint>
#include <memory>

#include <openssl/ssl.h>

namespace twinhub::rest {

/// One thread: its lane's. The lane holds the session until the session's last operation has ended.
class HttpSession {
 public:
  virtual ~HttpSession() = default;
  virtual void start() = 0;
  /// Answers the request that is being handled.
  virtual void respond(Response response) = 0;
  virtual void stop(bool now) = 0;
};

/// Takes over `descriptor`; `tls` null = plain HTTP. nullptr when the socket is already gone.
[[nodiscard]] std::shared_ptr<HttpSession> make_http_session(RestLane& lane, std::uint64_t id, int descriptor,
                                                             net::Place place, std::shared_ptr<SSL_CTX> tls);

}  // namespace twinhub::rest
