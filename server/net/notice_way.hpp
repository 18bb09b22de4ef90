// By which way a peer has come, as its notices say it.
#pragma once

#include "server/net/admission.hpp"
#include "server/notices/notice.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace twinhub::net {

/// `peer` unspecified: it is gone. Port 0: not known.
[[nodiscard]] notices::Way way_of(DoorKind door, const boost::asio::ip::tcp::endpoint& peer,
                                  const Carrier& carrier = {});

}  // namespace twinhub::net
