// Whether a request to the operations port may come in: a browser can be made to send one, by a page that has its own
// name resolve to this machine (DNS rebinding) or that simply asks, and must not be able to read the answer.
// Source: RFC 9110, 7.2 and 15.5.20 (421); W3C Fetch Metadata (Sec-Fetch-Site); RFC 6750, 2.1 (Bearer).
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::ops {

/// An address, localhost, the name of this machine, or one of `host_names`; a port may follow.
[[nodiscard]] bool is_host_of_hub(std::string_view host, const std::vector<std::string>& host_names);

struct Refusal {
  unsigned status = 0;  ///< 0 = none
  std::string_view words = {};
};
/// The request is meant for another server: by its Host or, when it names a whole URL, by that.
inline constexpr Refusal other_host{
    421, "the Host of the request is no address, not localhost and no host name of this hub (--host-name)"};
/// 421 for another host (HTTP/1.0 may send none), else check_site().
[[nodiscard]] Refusal check_visitor(const boost::beast::http::request_header<>& request,
                                    const std::vector<std::string>& host_names);
/// 403 for what a page of another site sends.
[[nodiscard]] Refusal check_site(const boost::beast::http::request_header<>& request);
/// Somebody follows a link, or types the address: a page in a tab of its own, whose content no other page can read.
[[nodiscard]] bool is_navigation(const boost::beast::http::request_header<>& request);
/// The Host of a request, without its port; "" for what is none.
[[nodiscard]] std::string_view name_in_host(std::string_view host);
[[nodiscard]] bool is_on_this_machine(const boost::asio::ip::address& peer);
/// Whether the request brings `token`; nobody brings an empty one.
[[nodiscard]] bool has_token(const boost::beast::http::request_header<>& request, const std::string& token);
/// /events and /connections show what devices send, and where they are; /backup where backups are; /reload how the hub is set.
[[nodiscard]] bool is_private(std::string_view path);
/// Pages that say what came of an order: whoever may give it may look, from wherever.
[[nodiscard]] bool takes_orders(std::string_view path);
/// For is_private() paths. Peers on this machine need no token; 401 and 403 for others.
[[nodiscard]] Refusal check_reader(const boost::beast::http::request_header<>& request,
                                   const boost::asio::ip::address& peer, const std::string& token);

}  // namespace twinhub::ops
