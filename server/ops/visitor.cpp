#include "server/ops/visitor.hpp"

#include "protocol/ascii.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <boost/asio/ip/address_v6.hpp>

#include <openssl/crypto.h>

namespace twinhub::ops {
namespace {

namespace http = boost::beast::http;
using boost::asio::ip::address;

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_port(std::string_view text) {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// In a time that tells nothing of where they differ.
bool is_same_secret(std::string_view given, std::string_view wanted) {
  return given.size() == wanted.size() && CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

}  // namespace

/// "name:9600" -> "name", "[::1]:9600" -> "::1"; "" for what is neither.
std::string_view name_in_host(std::string_view host) {
  const bool is_bracketed = host.starts_with('[');
  const std::size_t end = is_bracketed ? host.find(']') : std::min(host.find(':'), host.size());
  if (end == std::string_view::npos) return {};
  std::string_view port = host.substr(end + (is_bracketed ? 1 : 0));
  if (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))) return {};
  return is_bracketed ? host.substr(1, end - 1) : host.substr(0, end);
}

bool is_on_this_machine(const address& peer) {
  if (peer.is_v6() && peer.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, peer.to_v6()).is_loopback();
  return peer.is_loopback();
}

bool is_host_of_hub(std::string_view host, const std::vector<std::string>& host_names) {
  const std::string_view name = name_in_host(host);
  if (name.empty()) return false;
  boost::system::error_code error;
  (void)boost::asio::ip::make_address(std::string(name), error);
  if (!error || equals_ignoring_case(name, "localhost") || equals_ignoring_case(name, machine_name())) return true;
  return std::any_of(host_names.begin(), host_names.end(),
                     [&](const std::string& own) { return equals_ignoring_case(name, own); });
}

Refusal check_visitor(const http::request_header<>& request, const std::vector<std::string>& host_names) {
  // HTTP/1.0 has no Host, as in the plain checks of load balancers; no browser speaks it.
  const bool has_no_host = request.version() < 11 && request.count(http::field::host) == 0;
  if (!has_no_host && !is_host_of_hub(view_of(request[http::field::host]), host_names)) return other_host;
  return check_site(request);
}

bool is_navigation(const http::request_header<>& request) {
  return request.method() == http::verb::get && view_of(request["Sec-Fetch-Mode"]) == "navigate" &&
         view_of(request["Sec-Fetch-Dest"]) == "document";
}

Refusal check_site(const http::request_header<>& request) {
  const std::string_view site = view_of(request["Sec-Fetch-Site"]);
  if (site == "cross-site" || site == "same-site") return {403, "pages of other sites may not read this"};
  std::string_view origin = view_of(request[http::field::origin]);
  if (origin.empty()) return {};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) origin.remove_prefix(scheme.size());
  }
  // Its own pages alone: another port of the same machine is another site.
  if (!equals_ignoring_case(origin, view_of(request[http::field::host])))
    return {403, "pages of other sites may not read this"};
  return {};
}

bool is_private(std::string_view path) { return path == "/events" || path == "/connections" || takes_orders(path); }

bool takes_orders(std::string_view path) { return path == "/backup" || path == "/reload"; }

bool has_token(const http::request_header<>& request, const std::string& token) {
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view given = view_of(request[http::field::authorization]);
  return !token.empty() && equals_ignoring_case(given.substr(0, scheme.size()), scheme) &&
         is_same_secret(given.substr(scheme.size()), token);
}

Refusal check_reader(const http::request_header<>& request, const address& peer, const std::string& token) {
  if (is_on_this_machine(peer) || has_token(request, token)) return {};
  if (token.empty()) return {403, "this page is for this machine alone, unless ops.token is set"};
  return {401, "this page needs the token of ops.token"};
}

}  // namespace twinhub::ops
