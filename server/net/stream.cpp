#include "server/net/stream.hpp"

#include "server/net/client_hello.hpp"
#include "server/net/peer_address.hpp"
#include "server/net/socket_bio.hpp"
#include "server/net/tls_failure.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/error.hpp>
#include <cassert>
#include <optional>

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

namespace twinhub::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using Clock = std::chrono::steady_clock;

/// What one step of an operation came to.
struct Step {
  enum class Next : unsigned char { done, read, write } next = Next::done;  ///< read, write: once the descriptor is
  error_code error = {};
  std::size_t bytes = 0;
};

error_code last_ssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  return {static_cast<int>(code), asio::error::get_ssl_category()};
}

}  // namespace

class Stream::Impl : public std::enable_shared_from_this<Stream::Impl> {
 public:
  Impl(tcp::socket socket, std::shared_ptr<SSL_CTX> tls, Place place)
      : place_(std::move(place)), socket_(std::move(socket)), context_(std::move(tls)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
  }
  Impl(tcp::socket socket, std::unique_ptr<SSL, SslFree> ssl, Place place)
      : place_(std::move(place)), socket_(std::move(socket)), ssl_(std::move(ssl)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    whole_records_ = ssl_ && !place_.is_known();
    if (ssl_) read_whole_records(ssl_.get(), whole_records_);
  }
  ~Impl() {
    place_.leave();  // before the descriptor's number can be another connection's
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  executor_type executor() noexcept { return socket_.get_executor(); }
  SSL* ssl() {
    if (context_ && !ssl_) make_ssl();
    return ssl_.get();
  }
  Place& place() { return place_; }
  [[nodiscard]] boost::asio::ip::address peer() { return peer_of(socket_.native_handle()); }
  [[nodiscard]] boost::asio::ip::tcp::endpoint local_end() { return local_end_of(socket_.native_handle()); }
  void note(const notices::Happening& what, bool web_socket) {
    const Carrier carrier{context_ != nullptr || ssl_ != nullptr || tls_ended_, web_socket, server_name_of(ssl_.get())};
    place_.note(what, carrier, socket_.native_handle());
  }
  void count_in(ByteTallies& bytes) { bytes_ = &bytes; }
  void expires_after(std::chrono::nanoseconds time) {
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
  }
  void expires_never() { deadline_.reset(); }

  void close() {
    closed_ = true;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.cancel(ignored);
    if (reading_.timer) reading_.timer->cancel();
    if (writing_.timer) writing_.timer->cancel();
  }

  void async_handshake(Side side, Done done) {
    if (!context_) return finish({}, std::move(done));
    const auto completed = [done = std::move(done)](error_code error, std::size_t) { done(error); };
    if (side == Side::client) {
      if (ssl() != nullptr) SSL_set_connect_state(ssl_.get());
      return begin(
          reading_, [this] { return handshake(); }, completed);
    }
    begin(
        reading_, [this] { return handshake_of_server(); }, completed);
  }

  void async_read(const ReadBuffers& buffers, ErasedHandler handler) {
    begin(
        reading_, [this, buffers] { return received(read(buffers)); },
        [handler = std::move(handler)](error_code error, std::size_t bytes) { handler->complete(error, bytes); });
  }
  void async_write(const WriteBuffers& buffers, ErasedHandler handler) {
    begin(
        writing_, [this, buffers] { return sent(write(buffers)); },
        [handler = std::move(handler)](error_code error, std::size_t bytes) { handler->complete(error, bytes); });
  }

  void async_receive(std::span<char> scratch, Received done) {
    auto step = [this, scratch] { return received(read_some(scratch.data(), scratch.size())); };
    if (!begin_operation(reading_)) return refuse(std::move(done));
    if (deadline_) arm(reading_);
    if (!ssl_ || SSL_has_pending(ssl_.get()) == 0)
      return wait(reading_, Step::Next::read, std::move(step), std::move(done));
    asio::post(executor(), [self = shared_from_this(), step = std::move(step), done = std::move(done)]() mutable {
      self->go_on(self->reading_, {}, std::move(step), std::move(done));
    });
  }

  Released release() {
    closed_ = true;
    error_code ignored;
    return {socket_.release(ignored), std::move(ssl_), std::move(place_)};
  }

  void async_shutdown(Done done) {
    end_sending();
    finish({}, std::move(done));
  }
  void async_linger(Done done) {
    end_sending();
    tls_ended_ = ssl_ != nullptr || context_ != nullptr;
    ssl_.reset();  // what still comes is not read as TLS: a peer that lingers costs a socket
    context_.reset();
    begin(
        reading_, [this] { return discard(); },
        [done = std::move(done)](error_code error, std::size_t) { done(error); });
  }

 private:
  /// One of the two directions, with what is pending in it.
  struct Direction {
    std::optional<asio::steady_timer> timer;
    std::uint64_t operation = 0;  ///< number of the pending or last one: a timer of an older one means nothing
    bool timed_out = false;
  };

  void make_ssl() {
    ssl_.reset(SSL_new(context_.get()));
    if (!ssl_) return;
    SSL_set_mode(ssl_.get(),
                 SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!set_socket(ssl_.get(), socket_.native_handle())) return ssl_.reset();
    whole_records_ = !place_.is_known();
    if (whole_records_) read_whole_records(ssl_.get(), true);
  }

  Step received(Step step) {
    if (bytes_ != nullptr) bytes_->received.add(step.bytes);
    return step;
  }
  Step sent(Step step) {
    if (bytes_ != nullptr) bytes_->sent.add(step.bytes);
    return step;
  }

  /// False when the stream is closed.
  bool begin_operation(Direction& direction) {
    ++direction.operation;
    direction.timed_out = false;
    return !closed_;
  }

  void refuse(Received done) {
    asio::post(executor(), [done = std::move(done)] { done(asio::error::operation_aborted, 0); });
  }

  void finish(error_code error, Done done) {
    asio::post(executor(), [error, done = std::move(done)] { done(error); });
  }

  /// Runs `step` until it is done, waiting for the descriptor in between; then calls `completed(error, bytes)`, never
  /// from within the call that began it.
  template <class StepFunction, class Completed>
  void begin(Direction& direction, StepFunction step, Completed completed) {
    const Step first = begin_operation(direction) ? step() : Step{.error = asio::error::operation_aborted};
    if (first.next == Step::Next::done) {
      asio::post(executor(), [self = shared_from_this(), first, completed = std::move(completed)]() mutable {
        completed(first.error, first.bytes);
      });
      return;
    }
    if (deadline_) arm(direction);
    wait(direction, first.next, std::move(step), std::move(completed));
  }

  template <class StepFunction, class Completed>
  void wait(Direction& direction, Step::Next next, StepFunction step, Completed completed) {
    socket_.async_wait(
        next == Step::Next::read ? tcp::socket::wait_read : tcp::socket::wait_write,
        [self = shared_from_this(), &direction, step = std::move(step), completed = std::move(completed)](
            error_code error) mutable { self->go_on(direction, error, std::move(step), std::move(completed)); });
  }

  template <class StepFunction, class Completed>
  void go_on(Direction& direction, error_code error, StepFunction step, Completed completed) {
    Step now{.error = error};
    if (closed_) now.error = asio::error::operation_aborted;
    if (direction.timed_out) now.error = beast::error::timeout;
    if (!now.error) now = step();
    if (now.next != Step::Next::done) return wait(direction, now.next, std::move(step), std::move(completed));
    if (direction.timer) direction.timer->cancel();
    completed(now.error, now.bytes);
  }

  void arm(Direction& direction) {
    if (!direction.timer) direction.timer.emplace(executor());
    direction.timer->expires_at(*deadline_);
    direction.timer->async_wait([weak = weak_from_this(), &direction, number = direction.operation](error_code error) {
      const auto self = weak.lock();
      if (error || !self || direction.operation != number) return;
      direction.timed_out = true;
      self->close();
    });
  }

  Step handshake_of_server() {
    if (!ssl_) {
      switch (look_for_client_hello(socket_.native_handle(), place_.client_hello_bytes_max())) {
        case ClientHello::incomplete:
          return {.next = Step::Next::read};
        case ClientHello::refused:
          note({.stage = notices::Stage::tls, .reason = Reason::tls_failed, .detail = client_hello_too_large}, false);
          return {.error = asio::error::message_size};
        case ClientHello::ready:
          break;
      }
      if (const Turn turn = place_.begin_tls(); turn != Turn::begin)
        return turn == Turn::wait ? Step{.next = Step::Next::read} : Step{.error = asio::error::eof};
      if (ssl() != nullptr) SSL_set_accept_state(ssl_.get());
    }
    return handshake();
  }

  Step handshake() {
    if (!ssl_) return {.error = asio::error::no_memory};
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result != 1) {
      const unsigned long code = ERR_peek_error();
      const Step step = step_of(result);
      if (step.error) note(tls_failure_of(ssl_.get(), code).happening(), false);
      return step;
    }
    place_.end_handshake();
    return {};
  }

  /// What OpenSSL wants, or why it failed.
  Step step_of(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {.next = Step::Next::read};
      case SSL_ERROR_WANT_WRITE:
        return {.next = Step::Next::write};
      case SSL_ERROR_ZERO_RETURN:
        return {.error = asio::error::eof};
      case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        return {.error = asio::error::connection_reset};
      default:
        return failed(ERR_peek_error());
    }
  }

  /// A peer that ends without a close_notify has cut its bytes off, or so it looks: as Asio names it.
  Step failed(unsigned long code) {
    if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      ERR_clear_error();
      return {.error = asio::ssl::error::stream_truncated};
    }
    return {.error = last_ssl_error()};
  }

  Step read(const ReadBuffers& buffers) {
    if (buffers.empty()) return {};
    if (ssl_ || tls_ended_) return read_some(buffers.front().data(), buffers.front().size());
    return receive(buffers);
  }

  Step read_some(void* data, std::size_t size) {
    if (tls_ended_) return {.error = asio::error::eof};
    if (!ssl_) return receive(asio::mutable_buffer(data, size));
    if (whole_records_ && place_.is_known()) {
      whole_records_ = false;
      read_whole_records(ssl_.get(), false);
    }
    ERR_clear_error();
    Step step;
    const int result = SSL_read_ex(ssl_.get(), data, size, &step.bytes);
    return result == 1 ? step : step_of(result);
  }

  template <class Buffers>
  Step receive(const Buffers& buffers) {
    Step step;
    step.bytes = socket_.read_some(buffers, step.error);
    if (step.error == asio::error::would_block) return {.next = Step::Next::read};
    return step;
  }

  Step write(const WriteBuffers& buffers) {
    if (buffers.empty()) return {};
    if (tls_ended_) return {.error = asio::error::broken_pipe};
    Step step;
    if (ssl_) {
      ERR_clear_error();
      const int result = SSL_write_ex(ssl_.get(), buffers.front().data(), buffers.front().size(), &step.bytes);
      return result == 1 ? step : step_of(result);
    }
    step.bytes = socket_.write_some(buffers, step.error);
    if (step.error == asio::error::would_block) return {.next = Step::Next::write};
    return step;
  }

  void end_sending() {
    if (ssl_ && SSL_is_init_finished(ssl_.get()) == 1) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
      ERR_clear_error();
    }
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  /// Takes what has come off the socket, a bounded piece at a time, until the peer ends.
  Step discard() {
    constexpr std::size_t piece = 256 * 1024;
    const ssize_t got = ::recv(socket_.native_handle(), nullptr, piece, MSG_TRUNC | MSG_DONTWAIT);
    if (got > 0) return {.next = Step::Next::read};
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {.next = Step::Next::read};
    return {};
  }

  Place place_;
  tcp::socket socket_;
  std::shared_ptr<SSL_CTX> context_;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::optional<Clock::time_point> deadline_;
  Direction reading_, writing_;
  bool closed_ = false;
  bool tls_ended_ = false;      ///< the goodbye is said: nothing more is read or written
  bool whole_records_ = false;  ///< OpenSSL reads a stranger's records only whole
  ByteTallies* bytes_ = nullptr;
};

Stream::Stream(tcp::socket socket, std::shared_ptr<SSL_CTX> tls, Place place)
    : impl_(std::make_shared<Impl>(std::move(socket), std::move(tls), std::move(place))) {}

Stream::Stream(const executor_type& executor, Released released) {
  tcp::socket socket(executor);
  error_code error;
  const bool is_v6 = local_end_of(released.descriptor).protocol() == tcp::v6();
  socket.assign(is_v6 ? tcp::v6() : tcp::v4(), released.descriptor, error);
  if (error) {
    released.place.leave();
    ::close(released.descriptor);
  }
  impl_ = std::make_shared<Impl>(std::move(socket), std::move(released.ssl), std::move(released.place));
}

Stream& Stream::operator=(Stream&& other) noexcept {
  if (impl_) impl_->close();
  impl_ = std::move(other.impl_);
  return *this;
}

Stream::~Stream() {
  if (impl_) impl_->close();
}

Stream::executor_type Stream::get_executor() const noexcept { return impl_->executor(); }
SSL* Stream::ssl() const { return impl_->ssl(); }
Place& Stream::place() const { return impl_->place(); }
boost::asio::ip::address Stream::peer() const { return impl_->peer(); }
boost::asio::ip::tcp::endpoint Stream::local_end() const { return impl_->local_end(); }
void Stream::note(const notices::Happening& what, bool web_socket) const { impl_->note(what, web_socket); }
void Stream::async_receive(std::span<char> scratch, Received done) { impl_->async_receive(scratch, std::move(done)); }
void Stream::count_in(ByteTallies& bytes) { impl_->count_in(bytes); }
void Stream::expires_after(std::chrono::nanoseconds time) { impl_->expires_after(time); }
void Stream::expires_never() { impl_->expires_never(); }
void Stream::close() { impl_->close(); }
void Stream::async_handshake(Side side, Done done) { impl_->async_handshake(side, std::move(done)); }
Stream::Released Stream::release() { return impl_->release(); }
void Stream::async_shutdown(Done done) { impl_->async_shutdown(std::move(done)); }
void Stream::async_linger(Done done) { impl_->async_linger(std::move(done)); }
void Stream::start_read(const ReadBuffers& buffers, ErasedHandler handler) {
  impl_->async_read(buffers, std::move(handler));
}
void Stream::start_write(const WriteBuffers& buffers, ErasedHandler handler) {
  impl_->async_write(buffers, std::move(handler));
}

}  // namespace twinhub::net
