#include "server/net/peer_address.hpp"

#include <sys/socket.h>
#include <algorithm>

namespace twinhub::net {

using boost::asio::ip::address;

address peer_of(int descriptor) { return peer_end_of(descriptor).address(); }

boost::asio::ip::tcp::endpoint peer_end_of(int descriptor) {
  boost::asio::ip::tcp::endpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  if (::getpeername(descriptor, peer.data(), &size) != 0) return {};
  if (size > peer.capacity() || (peer.data()->sa_family != AF_INET && peer.data()->sa_family != AF_INET6)) return {};
  peer.resize(size);
  return peer;
}

boost::asio::ip::tcp::endpoint local_end_of(int descriptor) {
  boost::asio::ip::tcp::endpoint here;
  auto size = static_cast<socklen_t>(here.capacity());
  if (::getsockname(descriptor, here.data(), &size) != 0) return {};
  here.resize(size);
  return here;
}

address party_of(const address& peer) {
  if (!peer.is_v6()) return peer;
  const auto v6 = peer.to_v6();
  if (v6.is_v4_mapped()) return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6);
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return boost::asio::ip::address_v6(bytes);
}

}  // namespace twinhub::net
