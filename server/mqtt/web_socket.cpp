#include "server/mqtt/web_socket.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/websocket.hpp>
#include <optional>
#include <string>
#include <utility>

namespace twinhub::mqtt_door {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

constexpr std::size_t idle_read_bytes = 512;
constexpr std::size_t busy_read_bytes = 16 * 1024;
constexpr std::size_t queued_bytes_max = 64 * 1024;  // and as many again that are being sent
constexpr std::chrono::seconds goodbye_max{2};

/// Beast ends a WebSocket by waiting for the peer to close, without a limit, before it tells. Here it tells at once,
/// and the Channel waits.
struct PatientStream final : net::Stream {
  explicit PatientStream(net::Stream&& stream) : net::Stream(std::move(stream)) {}
};

template <class Handler>
void async_teardown(beast::role_type, PatientStream& stream, Handler&& handler) {
  asio::post(stream.get_executor(), beast::bind_front_handler(std::forward<Handler>(handler), beast::error_code{}));
}

/// The WebSocket has ended in order, or the peer broke its rules and has been told so.
bool is_over(beast::error_code error) {
  return error.category() == websocket::make_error_code(websocket::error::closed).category();
}

/// The stream and its pending operations. Those hold it, so it may outlive the transport and its owner. One thread.
class Channel final : public std::enable_shared_from_this<Channel> {
 public:
  Channel(net::WebSocketRequest request, std::chrono::seconds handshake_timeout, std::size_t message_bytes_max,
          std::shared_ptr<std::atomic<std::size_t>> alive)
      : alive_(std::move(alive)),
        stream_(std::move(request.stream)),
        request_(std::make_unique<Request>(std::move(request.request))) {
    alive_->fetch_add(1, std::memory_order_relaxed);
    stream_.next_layer().expires_never();
    stream_.set_option(websocket::stream_base::timeout{handshake_timeout, websocket::stream_base::none(), false});
    stream_.set_option(
        websocket::stream_base::decorator([subprotocol = request.subprotocol](websocket::response_type& answer) {
          answer.set(beast::http::field::server, "twinhub");
          answer.set(beast::http::field::sec_websocket_protocol, subprotocol);
        }));
    stream_.read_message_max(message_bytes_max);
    stream_.auto_fragment(false);
    stream_.binary(true);
  }
  ~Channel() { alive_->fetch_sub(1, std::memory_order_relaxed); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void start(Pollable& owner) {
    owner_ = &owner;
    stream_.async_accept(*request_, [self = shared_from_this()](beast::error_code error) {
      self->request_.reset();
      if (error) return self->end(error);
      self->open_ = true;
      self->read_on();
    });
  }
  void forget_owner() { owner_ = nullptr; }

  void want(bool read, bool write) {
    wants_read_ = read;
    wants_write_ = write;
    read_on();
  }

  [[nodiscard]] bool is_open() const { return open_; }
  [[nodiscard]] bool has_failed() const { return failed_; }
  [[nodiscard]] bool has_unread() const { return read_begin_ < read_end_; }

  Transport::Outcome read(char* buffer, std::size_t capacity, std::size_t& size) {
    if (!has_unread()) {
      if (failed_) return Transport::Outcome::closed;
      read_on();
      return Transport::Outcome::would_block;
    }
    size = std::min(capacity, read_end_ - read_begin_);
    std::copy_n(buffer_.get() + read_begin_, size, buffer);
    read_begin_ += size;
    read_on();
    return Transport::Outcome::done;
  }

  Transport::Outcome write(std::string_view bytes, std::size_t& written) {
    written = 0;
    if (failed_ || saying_goodbye_) return Transport::Outcome::closed;
    written = std::min(bytes.size(), queued_bytes_max - queued_.size());
    queued_.append(bytes.substr(0, written));
    if (sending_.empty()) send();
    return written == bytes.size() ? Transport::Outcome::done : Transport::Outcome::would_block;
  }

  void say_goodbye(websocket::close_code code) {
    if (saying_goodbye_) return;
    saying_goodbye_ = true;
    close_code_ = code;
    if (!open_ || failed_) return cut();
    limit_goodbye();
    if (sending_.empty()) send_close();
  }

  void abandon() {
    if (!saying_goodbye_) cut();
  }

  SSL* tls() { return stream_.next_layer().ssl(); }

 private:
  using Request = beast::http::request<beast::http::empty_body>;

  /// A read is pending only while the owner wants to read and has taken what the last one brought: a peer that is held
  /// back fills its own socket.
  void read_on() {
    if (reading_ || has_unread() || !open_ || failed_ || saying_goodbye_ || !wants_read_) return;
    const std::size_t wanted = busy_ ? busy_read_bytes : idle_read_bytes;
    if (buffer_bytes_ != wanted) {
      buffer_ = std::make_unique<char[]>(wanted);
      buffer_bytes_ = wanted;
    }
    reading_ = true;
    stream_.async_read_some(
        asio::buffer(buffer_.get(), buffer_bytes_),
        [self = shared_from_this()](beast::error_code error, std::size_t size) { self->got(error, size); });
  }

  void got(beast::error_code error, std::size_t size) {
    reading_ = false;
    if (error) return end(error);
    if (!stream_.got_binary()) {
      say_goodbye(websocket::close_code::unknown_data);  // [MQTT-6.0.0-1]
      return end({});
    }
    busy_ = size == buffer_bytes_;
    read_begin_ = 0;
    read_end_ = size;
    if (size > 0 && wants_read_) wake(true, false, false);
    read_on();
  }

  void send() {
    std::swap(sending_, queued_);
    stream_.async_write(asio::buffer(sending_),
                        [self = shared_from_this()](beast::error_code error, std::size_t) { self->sent(error); });
  }

  void sent(beast::error_code error) {
    std::string().swap(sending_);
    if (error) return end(error);
    if (!queued_.empty()) {
      send();
    } else if (saying_goodbye_) {
      return send_close();
    }
    if (wants_write_) wake(false, true, false);
  }

  void send_close() {
    stream_.async_close(close_code_, [self = shared_from_this()](beast::error_code) { self->tear_down(); });
  }

  /// Nothing more comes from the peer.
  void end(beast::error_code error) {
    failed_ = true;
    if (!saying_goodbye_) {
      saying_goodbye_ = true;
      limit_goodbye();
      if (is_over(error)) {
        tear_down();
      } else {
        cut();
      }
    }
    wake(true, false, true);
  }

  void limit_goodbye() {
    timer_.emplace(stream_.get_executor(), goodbye_max);
    timer_->async_wait([self = shared_from_this()](beast::error_code error) {
      if (!error) self->cut();
    });
  }

  /// After the last close frame: the end of TLS and TCP.
  void tear_down() {
    stream_.next_layer().async_linger([self = shared_from_this()](beast::error_code) { self->cut(); });
  }

  void wake(bool readable, bool writable, bool hung_up) {
    if (owner_ != nullptr) owner_->ready(readable, writable, hung_up);
  }

  void cut() {
    failed_ = true;
    stream_.next_layer().close();
    if (timer_) timer_->cancel();
  }

  std::shared_ptr<std::atomic<std::size_t>> alive_;
  websocket::stream<PatientStream, false> stream_;  // false: no permessage-deflate
  std::unique_ptr<Request> request_;                // until it is answered
  Pollable* owner_ = nullptr;
  std::unique_ptr<char[]> buffer_;
  std::size_t buffer_bytes_ = 0;
  std::size_t read_begin_ = 0;
  std::size_t read_end_ = 0;
  std::string sending_;
  std::string queued_;
  std::optional<asio::steady_timer> timer_;
  websocket::close_code close_code_ = websocket::close_code::normal;
  bool open_ = false;
  bool failed_ = false;
  bool reading_ = false;
  bool busy_ = false;  // the last read filled its buffer
  bool wants_read_ = true;
  bool wants_write_ = false;
  bool saying_goodbye_ = false;
};

class WebSocket final : public Transport {
 public:
  explicit WebSocket(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}
  ~WebSocket() override {
    channel_->forget_owner();
    channel_->abandon();
  }

  bool start(Poller&, Pollable& owner) override {
    channel_->start(owner);
    return true;
  }
  void want(Poller&, Pollable&, bool read, bool write) override { channel_->want(read, write); }
  void stop(Poller&) override { channel_->forget_owner(); }
  bool handshaken() const override { return channel_->is_open(); }
  Outcome handshake() override {
    if (channel_->has_failed()) return Outcome::closed;
    return channel_->is_open() ? Outcome::done : Outcome::would_block;
  }
  bool wants_write() const override { return false; }
  Outcome read(char* buffer, std::size_t capacity, std::size_t& size) override {
    return channel_->read(buffer, capacity, size);
  }
  bool has_pending() const override { return channel_->has_unread(); }
  Outcome write(std::string_view bytes, std::size_t& written) override { return channel_->write(bytes, written); }
  void shut_down() override { channel_->say_goodbye(websocket::close_code::normal); }
  SSL* tls() const override { return channel_->tls(); }

 private:
  std::shared_ptr<Channel> channel_;
};

}  // namespace

std::unique_ptr<Transport> make_web_socket(net::WebSocketRequest request, std::chrono::seconds handshake_timeout,
                                           std::size_t message_bytes_max,
                                           std::shared_ptr<std::atomic<std::size_t>> alive) {
  return std::make_unique<WebSocket>(
      std::make_shared<Channel>(std::move(request), handshake_timeout, message_bytes_max, std::move(alive)));
}

}  // namespace twinhub::mqtt_door
