// A request as Beast has parsed it, turned into what the handlers get.
#pragma once

#include "server/rest/request.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace twinhub::rest {

/// All of the message's head that a handler may ask for: its body is taken when it is there, its peer's certificates where the
/// connection is known.
[[nodiscard]] Request request_of(const boost::beast::http::request<boost::beast::http::string_body>& message);

}  // namespace twinhub::rest
