// Accepts TCP connections for a door and deals them out to the I/O threads.
#pragma once

#include "protocol/error.hpp"
#include "server/net/admission.hpp"
#include "server/net/threads.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace twinhub::net {

/// A new connection with its place, on its I/O thread. The descriptor is non-blocking with TCP_NODELAY and belongs to the
/// callee, who leaves the place before closing it.
using Accepted = std::function<void(IoThread& lane, int descriptor, Place place)>;

/// A port that is listened on. Whoever connects while nobody accepts waits in the kernel.
class ListeningSocket {
 public:
  /// Binds and listens at once, without SO_REUSEPORT, so that a port in use is an Error in words for the operator:
  /// "port 8883 on 0.0.0.0 is in use by another process (--mqtts-port)". `port` 0 lets the system choose; `setting` is
  /// named in errors.
  [[nodiscard]] static Result<ListeningSocket> open(const std::string& address, std::uint16_t port,
                                                    const std::string& setting, int backlog);
  ListeningSocket(ListeningSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ListeningSocket& operator=(ListeningSocket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~ListeningSocket();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::uint16_t port() const;

 private:
  explicit ListeningSocket(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// Accepts at one listening socket, which may outlive it. Connections that `admission` has no place for are closed at
/// once. Backs off (and logs once) when descriptors run out instead of spinning.
class Listener {
 public:
  /// Errors, for the operator: there is no descriptor left.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> make(const ListeningSocket& socket, Threads& threads,
                                                              Admission& admission, DoorKind door, Accepted accepted);
  virtual ~Listener() = default;
  virtual void start() = 0;
  /// No connection is accepted after this returns. Any thread but the I/O threads.
  virtual void stop() = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

}  // namespace twinhub::net
