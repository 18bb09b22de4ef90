// Accepts TCP connections for a door and deals them out to the I/O threads.
#pragma once

#include "protocol/error.hpp"
#include "server/net/admission.hpp"
#include "server/net/threads.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace twinhub::net {

/// A new connection with its place, on its I/O thread. The descriptor is non-blocking with TCP_NODELAY and belongs to the
/// callee, who leaves the place before closing it.
using Accepted = std::function<void(IoThread& lane, int descriptor, Place place)>;

/// One listening port. Connections that `admission` has no place for are closed at once. Backs off (and logs once) when
/// descriptors run out instead of spinning.
class Listener {
 public:
  /// Binds and listens at once, without SO_REUSEPORT, so that a port in use is an Error in words for the operator:
  /// "port 8883 on 0.0.0.0 is in use by another process (--mqtts-port)". `port` 0 lets the system choose; `setting` is
  /// named in errors.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(const std::string& address, std::uint16_t port,
                                                              std::string setting, Threads& threads,
                                                              Admission& admission, DoorKind door, Accepted accepted);
  virtual ~Listener() = default;
  virtual void start() = 0;
  /// No connection is accepted after this returns. Any thread but the I/O threads.
  virtual void stop() = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

}  // namespace twinhub::net
