// What carries the bytes of one connection: a socket on the lane's epoll set (socket.hpp), or a WebSocket
// (web_socket.hpp).
#pragma once

#include "server/net/admission.hpp"
#include "server/wire/poller.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <string_view>

#include <openssl/ssl.h>

namespace twinhub::wire {

/// A non-blocking stream of bytes that wakes its owner. One thread: its lane's. An idle connection is to cost next to
/// nothing, so what a transport can be handed at each call (poller, owner) it does not keep.
class Transport {
 public:
  enum class Outcome : unsigned char { done, would_block, closed };

  Transport() = default;
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// From here on `owner` is woken when there are bytes to read, and when the peer is gone. False when the kernel
  /// refuses (descriptors, memory).
  [[nodiscard]] virtual bool start(Poller& poller, Pollable& owner) = 0;
  /// What `owner` is woken for from now on. While the owner does not want to read, no more than one read's bytes are
  /// taken from the peer.
  virtual void want(Poller& poller, Pollable& owner, bool read, bool write) = 0;
  /// `owner` is not woken again.
  virtual void stop(Poller& poller) = 0;

  [[nodiscard]] virtual bool handshaken() const = 0;
  /// Goes on with the handshake of TLS or WebSocket, if there is one.
  [[nodiscard]] virtual Outcome handshake() = 0;
  /// The handshake or the last write waits for room to write rather than for bytes to read.
  [[nodiscard]] virtual bool wants_write() const = 0;

  /// Reads at most `capacity` bytes; `size` is set when done, and may be 0: what came was for the transport.
  [[nodiscard]] virtual Outcome read(char* buffer, std::size_t capacity, std::size_t& size) = 0;
  /// Bytes that arrived but wait inside the transport: the owner is not woken for them.
  [[nodiscard]] virtual bool has_pending() const = 0;
  /// Takes what it can of `bytes`; `written` may be short with would_block.
  [[nodiscard]] virtual Outcome write(std::string_view bytes, std::size_t& written) = 0;
  /// Bytes that write() took, or the transport's own, which the peer has not taken: write() goes on with them.
  [[nodiscard]] virtual bool has_unsent() const { return false; }
  /// Says goodbye in the words of its protocol, and that nothing more will be sent.
  virtual void shut_down() = 0;
  /// The goodbye is a last answer: a socket closed over unread bytes would take it back.
  [[nodiscard]] virtual bool lingers() const { return false; }
  /// Says nothing: the peer finds the connection cut when this is destroyed, as by a crash.
  virtual void cut() {}

  /// The connection's place at its door; null when it has none.
  [[nodiscard]] virtual net::Place* place() { return nullptr; }
  /// A notice of the connection or of a request of it: see net::Place::note().
  virtual void note(const notices::Happening& what) const { (void)what; }
  /// The peer has spoken already: it has asked for a WebSocket.
  [[nodiscard]] virtual bool is_web_socket() const { return false; }
  /// Where the peer has reached this machine; unspecified when the connection is gone.
  [[nodiscard]] virtual boost::asio::ip::tcp::endpoint local_end() const = 0;
  /// The TLS session, which knows the peer's certificates; null when the connection is plain.
  [[nodiscard]] virtual SSL* tls() const = 0;
};

}  // namespace twinhub::wire
