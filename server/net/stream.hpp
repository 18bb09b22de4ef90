// A TCP connection, with TLS on it or without, as one type: what is built on it (HTTP, WebSocket) knows one kind of
// stream and is compiled once, and the templates of TLS stay in stream.cpp. Each operation costs one small allocation
// and a virtual call.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/container/static_vector.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
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

  /// `tls` null = none.
  Stream(boost::asio::ip::tcp::socket socket, std::shared_ptr<SSL_CTX> tls);
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept = default;
  ~Stream() = default;

  [[nodiscard]] executor_type get_executor() const noexcept { return impl_->executor(); }
  /// Null without TLS.
  [[nodiscard]] SSL* ssl() const { return impl_->ssl(); }

  /// The time limit of what is started from now on, reads and writes apart; at its end they fail with
  /// beast::error::timeout.
  void expires_after(std::chrono::nanoseconds time) { impl_->expires_after(time); }
  void expires_never() { impl_->expires_never(); }
  void close() { impl_->close(); }

  /// The TLS handshake; without TLS it is over at once.
  void async_handshake(Side side, Done done) { impl_->async_handshake(side, std::move(done)); }
  /// Ends TLS in order; without TLS it ends sending, and is done at once.
  void async_shutdown(Done done) { impl_->async_shutdown(std::move(done)); }
  /// As async_shutdown(), but waits for the peer's end without TLS, too, and without a time limit: close() ends it.
  void async_linger(Done done) { impl_->async_linger(std::move(done)); }

  template <class MutableBuffers, class Handler>
  void async_read_some(const MutableBuffers& buffers, Handler&& handler) {
    impl_->async_read(first_of<boost::asio::mutable_buffer>(buffers), erased(std::forward<Handler>(handler)));
  }
  template <class ConstBuffers, class Handler>
  void async_write_some(const ConstBuffers& buffers, Handler&& handler) {
    impl_->async_write(first_of<boost::asio::const_buffer>(buffers), erased(std::forward<Handler>(handler)));
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

  class Impl {
   public:
    virtual ~Impl() = default;
    virtual executor_type executor() noexcept = 0;
    virtual SSL* ssl() = 0;
    virtual void expires_after(std::chrono::nanoseconds time) = 0;
    virtual void expires_never() = 0;
    virtual void close() = 0;
    virtual void async_handshake(Side side, Done done) = 0;
    virtual void async_shutdown(Done done) = 0;
    virtual void async_linger(Done done) = 0;
    virtual void async_read(const ReadBuffers& buffers, ErasedHandler handler) = 0;
    virtual void async_write(const WriteBuffers& buffers, ErasedHandler handler) = 0;
  };
  class Plain;
  class Tls;

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

  std::unique_ptr<Impl> impl_;
};

/// How Beast closes what it has given up (a WebSocket whose handshake took too long).
inline void beast_close_socket(Stream& stream) { stream.close(); }

}  // namespace twinhub::net
