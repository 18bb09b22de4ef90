// Where a request ends, to the letter: what two readers could understand differently is refused, since the second would
// take for a request of its own what the first took for a body.
// So is a header that two readers could take from different lines of it, and a Host that is no name.
// Source: RFC 9110, 5.3 (repeated lines), 7.2 (Host); RFC 9112, 3.2 (Host), 5.2 (folded lines), 6.1 to 6.3 (Transfer-Encoding, Content-Length).
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <optional>
#include <string_view>

namespace twinhub::net {

struct FramingFault {
  unsigned status;         ///< 400 or 501; the connection ends after the answer
  std::string_view words;  ///< for the client
};

/// `head`: the start line and the header lines as they were sent.
[[nodiscard]] std::optional<FramingFault> check_framing(std::string_view head,
                                                        const boost::beast::http::request_header<>& header);

}  // namespace twinhub::net
