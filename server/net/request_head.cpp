#include "server/net/request_head.hpp"

#include "server/net/http_text.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

namespace twinhub::net {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::string_view head_end = "\r\n\r\n";

}  // namespace

RequestTarget split_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!boost::beast::iequals({target.data(), std::min(target.size(), scheme.size())}, {scheme.data(), scheme.size()}))
      continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    return {.authority = target.substr(0, end), .path = end == target.size() ? "/" : target.substr(end)};
  }
  return {.path = target};
}

HeadSearch HeadFinder::look(beast::flat_buffer& buffer, std::size_t bytes_max) {
  const auto text_of = [&buffer] {
    return std::string_view(static_cast<const char*>(buffer.data().data()), buffer.size());
  };
  if (!passed_empty_line_) {
    if (text_of() == "\r") return {};
    passed_empty_line_ = text_of().starts_with("\r\n");
    if (passed_empty_line_) buffer.consume(2);
  }
  const std::string_view text = text_of();
  if (!text.empty() && !is_token_character(text.front())) return {.error = http::error::bad_method};
  const std::size_t end = text.find(head_end, searched_);
  if (end != std::string_view::npos && end + head_end.size() <= bytes_max) return {.bytes = end + head_end.size()};
  if (text.size() >= bytes_max) return {.error = http::error::header_limit};
  searched_ = text.size() - std::min(text.size(), head_end.size() - 1);
  return {};
}

std::optional<HeadFault> read_head(RequestParser& parser, std::string_view head) {
  beast::error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error) return HeadFault{.error = error};
  if (const auto fault = check_framing(head, parser.get().base())) return HeadFault{.framing = fault};
  return std::nullopt;
}

bool discard_body(RequestParser& parser, beast::flat_buffer& buffer) {
  beast::error_code error;
  if (!parser.is_done() && buffer.size() > 0) buffer.consume(parser.put(buffer.data(), error));
  return !error && parser.is_done();
}

}  // namespace twinhub::net
