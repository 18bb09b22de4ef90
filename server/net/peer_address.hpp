// Who is at the other end of a connection, as far as an address says it; and where this end is.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace twinhub::net {

/// The address of the peer of `descriptor`; the unspecified one when the peer is gone.
[[nodiscard]] boost::asio::ip::address peer_of(int descriptor);

/// The same with its port; port 0 when the peer is gone.
[[nodiscard]] boost::asio::ip::tcp::endpoint peer_end_of(int descriptor);

/// Where the peer of `descriptor` has reached this machine; unspecified when the connection is gone.
[[nodiscard]] boost::asio::ip::tcp::endpoint local_end_of(int descriptor);

/// The part of an address that one party is sure to have to itself: a /64 of IPv6; IPv4 in IPv6 as IPv4.
[[nodiscard]] boost::asio::ip::address party_of(const boost::asio::ip::address& peer);

}  // namespace twinhub::net
