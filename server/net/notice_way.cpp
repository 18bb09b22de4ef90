#include "server/net/notice_way.hpp"

#include "server/net/peer_address.hpp"

namespace twinhub::net {

std::string_view protocol_of(DoorKind door) {
  switch (door) {
    case DoorKind::mqtt:
      return "mqtt";
    case DoorKind::rest:
      return "http";
    case DoorKind::amqp:
      return "amqp";
    case DoorKind::operations:
      return "operations";
  }
  return "";
}

notices::Way way_of(DoorKind door, const boost::asio::ip::tcp::endpoint& peer, const Carrier& carrier) {
  notices::Way way{
      .protocol = protocol_of(door), .tls = carrier.tls, .web_socket = carrier.web_socket, .sni = carrier.sni};
  if (peer.address().is_unspecified()) return way;
  way.address = peer.address().to_string();
  way.port = peer.port();
  way.party = party_of(peer.address()).to_string();
  return way;
}

}  // namespace twinhub::net
