// One HTTP/1.1 connection of a back end: reads a request, has it handled, writes the answer, and again.
#pragma once

#include "server/rest/response.hpp"
#include "server/rest/rest_lane.hpp"

#include <cstdint>
#include <memory>

#include <openssl/ssl.h>

namespace twinhub::rest {

/// One thread: its lane's. The lane holds it until its last operation has come back.
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
                                                             std::shared_ptr<SSL_CTX> tls);

}  // namespace twinhub::rest
