// The service API as one table: the page of this room to read first.
#pragma once

#include "server/rest/handlers.hpp"
#include "server/rest/request.hpp"
#include "server/rest/rest_lane.hpp"

#include <variant>

namespace twinhub::rest {

/// A request whose sender may make it, and what handles it.
struct Authorized {
  Handler handler = nullptr;
  hub::Operation operation = hub::Operation::unlimited;
  bool has_json_body = false;
  Call call;
};

/// Finds the route and checks api-version and rights, by the request's head alone: the body of a refused request
/// is never read. Else the answer to a refused one.
[[nodiscard]] std::variant<Authorized, Response> authorize(const hub::Hub& hub, const Request& head);

/// The same of a request whose sender's rights are known: 403 when they do not do, and for what is devices' own.
[[nodiscard]] std::variant<Authorized, Response> authorize(const hub::Hub& hub, const Request& head, hub::Right rights);

/// Has the request handled, now or when it is its turn. A body that is JSON is made strict JSON on the way: here alone
/// it is read as leniently as the cloud's parser reads it.
void handle(Reply reply, Request& request, const Authorized& authorized);

}  // namespace twinhub::rest
