#include "server/net/http_framing.hpp"

#include "server/net/request_head.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>

namespace twinhub::net {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr unsigned bad_request = 400;
constexpr unsigned not_implemented = 501;
constexpr unsigned http_1_1 = 11;

std::string_view view_of(beast::string_view text) { return {text.data(), text.size()}; }

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_chunked(std::string_view coding) {
  return beast::iequals(beast::string_view(coding.data(), coding.size()), "chunked");
}

bool has_folded_line(std::string_view head) {
  return head.find("\r\n ") != std::string_view::npos || head.find("\r\n\t") != std::string_view::npos;
}

std::optional<FramingFault> check_transfer_encoding(const http::request_header<>& header) {
  const auto lines = header.count(http::field::transfer_encoding);
  if (lines == 0) return std::nullopt;
  if (header.version() < http_1_1) return FramingFault{bad_request, "HTTP/1.0 has no Transfer-Encoding."};
  if (header.count(http::field::content_length) > 0)
    return FramingFault{bad_request, "A request has a Content-Length or a Transfer-Encoding, not both."};
  const std::string_view codings = trimmed(view_of(header[http::field::transfer_encoding]));
  if (lines == 1 && is_chunked(codings)) return std::nullopt;
  const auto [first, last] = header.equal_range(http::field::transfer_encoding);
  std::string_view final_coding;
  for (auto line = first; line != last; ++line) final_coding = view_of(line->value());
  final_coding = trimmed(final_coding.substr(final_coding.rfind(',') + 1));  // npos + 1 = 0
  // "chunked, chunked" is no coding more than chunked: it is wrong.
  const bool once = codings.find("chunked") + final_coding.size() == codings.size();
  if (lines == 1 && is_chunked(final_coding) && once)
    return FramingFault{not_implemented, "The only transfer coding that is understood here is chunked."};
  return FramingFault{bad_request, "The transfer coding does not say where the request ends."};
}

std::optional<FramingFault> check_content_length(const http::request_header<>& header) {
  const auto lines = header.count(http::field::content_length);
  if (lines == 0) return std::nullopt;
  const std::string_view length = view_of(header[http::field::content_length]);
  const bool is_number =
      !length.empty() && std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (lines > 1 || !is_number) return FramingFault{bad_request, "The Content-Length is not one number."};
  return std::nullopt;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Of a name (RFC 3986, 3.2.2), but for percent-encoding.
bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
         std::string_view("-._~!$&'()*+,;=").find(c) != std::string_view::npos;
}

bool is_name(std::string_view name) {
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (is_name_character(name[at])) continue;
    if (name[at] != '%' || at + 2 >= name.size() || !is_hex(name[at + 1]) || !is_hex(name[at + 2])) return false;
    at += 2;
  }
  return true;
}

/// "name:port", "[address]", or nothing (RFC 9112, 3.2). A user's name before it is refused (RFC 9110, 4.2.4).
bool is_authority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    const std::string_view address = text.substr(1, end - 1);
    if (!std::all_of(address.begin(), address.end(), [](char c) { return is_name_character(c) || c == ':'; }))
      return false;
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return false;
  } else {
    const std::size_t end = std::min(text.find(':'), text.size());
    if (!is_name(text.substr(0, end)) || (end == 0 && !text.empty())) return false;
    port = text.substr(end);
  }
  return std::all_of(port.begin() + (port.empty() ? 0 : 1), port.end(), is_digit);
}

std::optional<FramingFault> check_host(const http::request_header<>& header) {
  const auto hosts = header.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && header.version() >= http_1_1))
    return FramingFault{bad_request, "A request has one Host."};
  if (!is_authority(view_of(header[http::field::host])) ||
      !is_authority(split_target(view_of(header.target())).authority))
    return FramingFault{bad_request, "The Host is no name or address with an optional port."};
  return std::nullopt;
}

/// What is read as one value.
std::optional<FramingFault> check_single_lines(const http::request_header<>& header) {
  constexpr std::array fields{http::field::authorization, http::field::content_type, http::field::origin,
                              http::field::sec_websocket_key, http::field::sec_websocket_version};
  const bool repeated =
      std::any_of(fields.begin(), fields.end(), [&header](http::field field) { return header.count(field) > 1; });
  if (!repeated) return std::nullopt;
  return FramingFault{bad_request, "Authorization, Content-Type, Origin or a WebSocket's key or version stands twice."};
}

}  // namespace

std::optional<FramingFault> check_framing(std::string_view head, const http::request_header<>& header) {
  if (has_folded_line(head)) return FramingFault{bad_request, "A header line is folded."};
  if (auto fault = check_host(header)) return fault;
  if (auto fault = check_single_lines(header)) return fault;
  if (auto fault = check_transfer_encoding(header)) return fault;
  return check_content_length(header);
}

}  // namespace twinhub::net
