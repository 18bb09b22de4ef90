// What the Admission remembers of a connection that has not proved itself, and of the address that it comes from.
#pragma once

#include "server/net/admission.hpp"

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>

namespace twinhub::net {

/// What is known of one address.
struct Party {
  std::list<Stranger*> strangers;  ///< oldest first
  std::list<Stranger*> waiting;    ///< for their handshake's turn, the first to come first
  std::size_t handshakes = 0;      ///< under way
  std::size_t held = 0;            ///< bytes of unfinished requests
  double allowance = 0;            ///< how many strangers may come at once
  std::chrono::steady_clock::time_point seen;
};

/// What is remembered of a connection until it is known.
struct Stranger {
  DoorKind door;
  bool ended = false;  ///< made room for another; its owner has not closed it yet
  enum class Handshake : std::uint8_t { none, waiting, under_way } handshake = Handshake::none;
  int descriptor = -1;
  std::size_t bytes = 0;           ///< all that is counted
  std::size_t tls_bytes = 0;       ///< of them, for TLS
  std::size_t held = 0, kept = 0;  ///< of them, what Place::hold() and Place::keep() said last
  std::uint64_t number = 0;        ///< a later one is higher
  boost::asio::ip::address peer;
  std::map<boost::asio::ip::address, Party>::iterator party;
  std::list<Stranger*>::iterator in_door, in_party;
  std::list<Stranger*>::iterator in_holders;     ///< while it holds anything
  std::list<Stranger*>::iterator in_handshakes;  ///< in the list of its party's that wait, or of those under way
  std::chrono::steady_clock::time_point handshake_began;
};

}  // namespace twinhub::net
