// A client's end of one TCP connection, plain or TLS: connects, sends what was gathered, hands over what came.
#pragma once

#include "bench/load/event_loop.hpp"

#include <openssl/ssl.h>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace twinhub::load {

/// "127.0.0.1:8883" taken apart.
struct Address {
  std::string host;
  std::uint16_t port = 0;
};
/// Throws std::runtime_error. Numeric addresses only.
[[nodiscard]] Address parse_address(const std::string& text);

/// What clients need for TLS: the server's certificate must rest on `ca_file`. Throws std::runtime_error.
[[nodiscard]] std::shared_ptr<SSL_CTX> make_client_tls(const std::string& ca_file);

/// One thread: its loop's.
class Stream final : public EventLoop::Target {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_open() = 0;
    /// `bytes` dies when the call returns.
    virtual void on_bytes(std::string_view bytes) = 0;
    /// The peer ended it, or it never came to be. Not called for close().
    virtual void on_closed(const std::string& why) = 0;
  };

  /// `tls` null: plain.
  Stream(EventLoop& loop, Owner& owner, SSL_CTX* tls) : loop_(loop), owner_(owner), tls_(tls) {}
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// May be called again once closed. `receive_buffer_bytes` 0: the system's own choice.
  void connect(const Address& address, int receive_buffer_bytes = 0);
  void close();
  [[nodiscard]] bool is_open() const { return state_ == State::open; }

  /// Where bytes to send are appended; they leave at the end of the wake-up, after a call of send().
  [[nodiscard]] std::string& out() { return out_; }
  void send();
  /// Stops reading for good: a peer that is there and does not listen.
  void stop_reading();

  void ready() override;
  void flush() override;

 private:
  enum class State : std::uint8_t { closed, connecting, handshaking, open };
  void fail(const std::string& why);
  void finish_connect();
  void handshake();
  void read();
  /// Bytes taken or written; 0: not now; -1: the connection has ended.
  long read_some(char* buffer, std::size_t capacity);
  long write_some(std::string_view bytes);
  long outcome_of(int result);
  void watch();

  EventLoop& loop_;
  Owner& owner_;
  SSL_CTX* tls_;
  int descriptor_ = -1;
  SSL* ssl_ = nullptr;
  std::string out_;
  State state_ = State::closed;
  bool reading_ = true;
  bool watches_write_ = false;
  bool watches_read_ = false;
  bool flush_queued_ = false;
};

}  // namespace twinhub::load
