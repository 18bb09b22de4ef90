// A TCP connection, with TLS on it or without, as one type: what is built on it (HTTP, WebSocket) knows one kind of
// stream and is compiled once. TLS is OpenSSL directly on the descriptor: Asio's stream holds four buffers of 17 KiB for
// life, which a stranger gets for one SYN. A server makes no TLS state before a whole ClientHello waits in the kernel.
#pragma once

#include "server/net/admission.hpp"
#include "storage/tally.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/container/static_vector.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <openssl/ssl.h>

namespace twinhub::net {

/// One thread: the one that runs its executor. Meets Asio's AsyncReadStream and AsyncWriteStream, with completion
/// handlers only (no other tokens). Move-only; a pending operation keeps nothing alive: its handler does.
class Stream {
 public:
  using executor_type = boost::asio::any_io_executor;
  using Done = std::function<void(boost::system::error_code)>;
  enum class Side { client, server };

  /// `tls` null = none; `place` empty = none: it is left before the descriptor is closed.
  Stream(boost::asio::ip::tcp::socket socket, std::shared_ptr<SSL_CTX> tls, Place place = {});
  struct Released;
  /// Goes on with what release() gave, on another thread perhaps.
  Stream(const executor_type& executor, Released released);
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  [[nodiscard]] executor_type get_executor() const noexcept;
  /// Null without TLS. A server's is made when a whole ClientHello is there: REQUIRES the handshake to be over.
  [[nodiscard]] SSL* ssl() const;
  [[nodiscard]] Place& place() const;
  /// The peer's address; the unspecified one when the peer is gone.
  [[nodiscard]] boost::asio::ip::address peer() const;
  /// Where the peer has reached this machine; unspecified when the connection is gone.
  [[nodiscard]] boost::asio::ip::tcp::endpoint local_end() const;
  /// Counts what is read and written, without TLS, from now on; `bytes` outlives the stream's operations, and is its
  /// thread's.
  void count_in(ByteTallies& bytes);
  /// A notice of the connection or of a request of it: see Place::note().
  void note(const notices::Happening& what, bool web_socket = false) const;

  /// The deadline of all operations that are started from now on, together; at it they fail with beast::error::timeout
  /// and the stream is closed.
  void expires_after(std::chrono::nanoseconds time);
  void expires_never();
  /// Pending operations fail, the peer finds the end; the descriptor goes with the last of them.
  void close();

  /// The TLS handshake; without TLS it is over at once.
  void async_handshake(Side side, Done done);
  using Received = std::function<void(boost::system::error_code, std::size_t bytes)>;
  /// Waits for bytes and puts what has come, at most `scratch`, where others may put theirs: it is `done`'s until `done`
  /// returns. So a connection that waits keeps no buffer. REQUIRES: no read is pending; `scratch` outlives the stream.
  void async_receive(std::span<char> scratch, Received done);

  /// Ends TLS in order and ends sending; done at once, whatever the peer does.
  void async_shutdown(Done done);
  /// The connection, to be carried on by other means; the stream is closed. REQUIRES: nothing is pending, and the
  /// handshake is over.
  [[nodiscard]] Released release();

  /// As async_shutdown(), forgets TLS, and waits for the peer's end; what still comes is thrown away. Closing over unread bytes
  /// would reset the connection, and with it the last answer.
  void async_linger(Done done);

  template <class MutableBuffers, class Handler>
  void async_read_some(const MutableBuffers& buffers, Handler&& handler) {
    start_read(first_of<boost::asio::mutable_buffer>(buffers), erased(std::forward<Handler>(handler)));
  }
  template <class ConstBuffers, class Handler>
  void async_write_some(const ConstBuffers& buffers, Handler&& handler) {
    start_write(first_of<boost::asio::const_buffer>(buffers), erased(std::forward<Handler>(handler)));
  }

 private:
  /// A handler of whatever type: std::function would want it copyable.
  struct Handler {
    virtual ~Handler() = default;
    virtual void complete(boost::system::error_code error, std::size_t bytes) = 0;
  };
  using ErasedHandler = std::unique_ptr<Handler>;

  static constexpr std::size_t buffers_max = 16;  // of a longer sequence the rest waits for the next "some"
  template <class Buffer>
  using Buffers = boost::container::static_vector<Buffer, buffers_max>;
  using ReadBuffers = Buffers<boost::asio::mutable_buffer>;
  using WriteBuffers = Buffers<boost::asio::const_buffer>;

  class Impl;
  void start_read(const ReadBuffers& buffers, ErasedHandler handler);
  void start_write(const WriteBuffers& buffers, ErasedHandler handler);

  template <class Buffer, class Sequence>
  static Buffers<Buffer> first_of(const Sequence& sequence) {
    Buffers<Buffer> first;
    const auto end = boost::asio::buffer_sequence_end(sequence);
    for (auto at = boost::asio::buffer_sequence_begin(sequence); at != end && first.size() < buffers_max; ++at) {
      const Buffer buffer(*at);
      if (buffer.size() > 0) first.push_back(buffer);
    }
    return first;
  }

  template <class Wrapped>
  static ErasedHandler erased(Wrapped&& handler) {
    struct Holder final : Handler {
      explicit Holder(Wrapped&& given) : wrapped(std::forward<Wrapped>(given)) {}
      void complete(boost::system::error_code error, std::size_t bytes) override { std::move(wrapped)(error, bytes); }
      std::decay_t<Wrapped> wrapped;
    };
    return std::make_unique<Holder>(std::forward<Wrapped>(handler));
  }

  std::shared_ptr<Impl> impl_;  // pending operations hold it too
};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
/// Whoever holds it closes the descriptor, after leaving the place.
struct Stream::Released {
  int descriptor = -1;
  std::unique_ptr<SSL, SslFree> ssl;  ///< null: plain TCP
  Place place;
};

}  // namespace twinhub::net
