// Why a request was refused, for its notice; the peer hears less.
#pragma once

#include "protocol/reason.hpp"
#include "server/hub/hub.hpp"
#include "server/rest/request.hpp"

#include <string>
#include <string_view>

namespace twinhub::net {
class Stream;
}

namespace twinhub::rest {

struct Response;

struct RequestRefusal {
  Reason reason = Reason::other;
  std::string id;  ///< of the device or module that the request was for by its own right
  std::string detail;
  std::string target;              ///< method and path; the query may hold a secret
  std::string_view protocol = {};  ///< "" = the door's
  /// The sender has no right to it, or has not said who it is. Else a 401 or 403 is an answer like others: a queue is
  /// full, a twin too large.
  bool is_of_rights = false;
};

/// Finds the cause again of a request that authorize() (routes.hpp), or the annex, has refused.
void note_cause(const Request& request, const hub::Hub& hub, RequestRefusal& refusal);

/// Leaves the notice. The peer has `response`.
void note_refusal(const net::Stream& stream, const Response& response, const RequestRefusal& why);

}  // namespace twinhub::rest
