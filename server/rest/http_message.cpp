#include "server/rest/http_message.hpp"

#include <boost/beast/http/field.hpp>
#include <string>
#include <string_view>

namespace twinhub::rest {

namespace http = boost::beast::http;

Request request_of(const http::request<http::string_body>& message) {
  Request request;
  request.method = message.method();
  read_target({message.target().data(), message.target().size()}, request);
  request.authorization = message[http::field::authorization];
  if (const auto header = message.find(http::field::if_match); header != message.end()) {
    request.if_match = parse_if_match(std::string_view(header->value().data(), header->value().size()));
  }
  for (const auto& field : message) {
    const std::string_view name(field.name_string().data(), field.name_string().size());
    if (is_message_header(name)) request.headers.emplace_back(name, std::string(field.value()));
  }
  request.max_item_count = message["x-ms-max-item-count"];
  request.continuation = message["x-ms-continuation"];
  return request;
}

}  // namespace twinhub::rest
