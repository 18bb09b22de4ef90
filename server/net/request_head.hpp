// Where a request begins and ends in the bytes of a connection, without the connection: its head is found, read and
// checked as a whole, and nothing of a body is ever left to be taken for the next request.
#pragma once

#include "server/net/http_framing.hpp"

#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <optional>
#include <string_view>

namespace twinhub::net {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

/// The target of a request: proxies send a whole URL (RFC 9112, 3.2.2), others the path alone.
struct RequestTarget {
  std::string_view authority = {};  ///< empty when none was sent; else it stands for the Host
  std::string_view path = {};       ///< with the query
};
[[nodiscard]] RequestTarget split_target(std::string_view target);

struct HeadSearch {
  std::size_t bytes = 0;                ///< of the head, with the empty line; 0 = more bytes are needed
  boost::beast::error_code error = {};  ///< no request begins like this, or its head is longer than `bytes_max`
};
/// Looks for the head of one request, as the bytes of a connection come in.
class HeadFinder {
 public:
  /// Looks at what `buffer` begins with. A line end too many before the request is taken off it (RFC 9112, 2.2).
  [[nodiscard]] HeadSearch look(boost::beast::flat_buffer& buffer, std::size_t bytes_max);

 private:
  std::size_t searched_ = 0;  ///< of the buffer, for the head's end
  bool passed_empty_line_ = false;
};

struct HeadFault {
  boost::beast::error_code error = {};       ///< it is not HTTP
  std::optional<FramingFault> framing = {};  ///< it is, and does not say where the request ends
};
/// Reads a whole head into `parser`, which is as it was made but for its limits.
[[nodiscard]] std::optional<HeadFault> read_head(RequestParser& parser, std::string_view head);

/// Throws away as much of the body of a refused request as has come along with its head. False: more of the body is to
/// come, and the connection cannot go on.
[[nodiscard]] bool discard_body(RequestParser& parser, boost::beast::flat_buffer& buffer);

}  // namespace twinhub::net
