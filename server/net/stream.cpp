#include "server/net/stream.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/teardown.hpp>

namespace twinhub::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

class Stream::Plain final : public Impl {
 public:
  explicit Plain(tcp::socket socket) : stream_(std::move(socket)) {}

  executor_type executor() noexcept override { return stream_.get_executor(); }
  SSL* ssl() override { return nullptr; }
  void expires_after(std::chrono::nanoseconds time) override { stream_.expires_after(time); }
  void expires_never() override { stream_.expires_never(); }
  void close() override { stream_.close(); }

  void async_handshake(Side, Done done) override { finish({}, std::move(done)); }
  void async_shutdown(Done done) override {
    error_code error;
    stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    finish(error, std::move(done));
  }
  void async_linger(Done done) override { async_teardown(beast::role_type::server, stream_, std::move(done)); }

  void async_read(const ReadBuffers& buffers, ErasedHandler handler) override {
    stream_.async_read_some(buffers, [handler = std::move(handler)](error_code error, std::size_t bytes) {
      handler->complete(error, bytes);
    });
  }
  void async_write(const WriteBuffers& buffers, ErasedHandler handler) override {
    stream_.async_write_some(buffers, [handler = std::move(handler)](error_code error, std::size_t bytes) {
      handler->complete(error, bytes);
    });
  }

 private:
  void finish(error_code error, Done done) {
    asio::post(stream_.get_executor(), [error, done = std::move(done)] { done(error); });
  }

  beast::tcp_stream stream_;
};

class Stream::Tls final : public Impl {
 public:
  Tls(tcp::socket socket, std::shared_ptr<SSL_CTX> tls)
      : context_(owned(std::move(tls))), stream_(std::move(socket), context_) {}

  executor_type executor() noexcept override { return stream_.get_executor(); }
  SSL* ssl() override { return stream_.native_handle(); }
  void expires_after(std::chrono::nanoseconds time) override { stream_.next_layer().expires_after(time); }
  void expires_never() override { stream_.next_layer().expires_never(); }
  void close() override { stream_.next_layer().close(); }

  void async_handshake(Side side, Done done) override {
    stream_.async_handshake(side == Side::server ? asio::ssl::stream_base::server : asio::ssl::stream_base::client,
                            std::move(done));
  }
  void async_shutdown(Done done) override { stream_.async_shutdown(std::move(done)); }
  void async_linger(Done done) override { async_shutdown(std::move(done)); }

  void async_read(const ReadBuffers& buffers, ErasedHandler handler) override {
    stream_.async_read_some(buffers, [handler = std::move(handler)](error_code error, std::size_t bytes) {
      handler->complete(error, bytes);
    });
  }
  void async_write(const WriteBuffers& buffers, ErasedHandler handler) override {
    stream_.async_write_some(buffers, [handler = std::move(handler)](error_code error, std::size_t bytes) {
      handler->complete(error, bytes);
    });
  }

 private:
  /// Asio's context takes over a reference.
  static SSL_CTX* owned(std::shared_ptr<SSL_CTX> tls) {
    SSL_CTX_up_ref(tls.get());
    return tls.get();
  }

  asio::ssl::context context_;
  beast::ssl_stream<beast::tcp_stream> stream_;
};

Stream::Stream(tcp::socket socket, std::shared_ptr<SSL_CTX> tls) {
  if (tls) {
    impl_ = std::make_unique<Tls>(std::move(socket), std::move(tls));
  } else {
    impl_ = std::make_unique<Plain>(std::move(socket));
  }
}

}  // namespace twinhub::net
