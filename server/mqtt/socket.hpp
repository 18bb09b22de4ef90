// A connection's own descriptor on the lane's epoll set: plain TCP, or TLS by OpenSSL directly on it (a stream class
// would hold two record buffers for life: 71 against 14 KiB per connection).
#pragma once

#include "server/mqtt/transport.hpp"

#include <memory>

namespace twinhub::mqtt_door {

/// One thread. Owns the descriptor.
class Socket final : public Transport {
 public:
  /// `tls` null = plain TCP. The context stays in use as long as the socket, over a reload too: OpenSSL counts.
  Socket(int descriptor, SSL_CTX* tls);
  ~Socket() override;

  [[nodiscard]] bool start(Poller& poller, Pollable& owner) override { return poller.add(descriptor_, owner); }
  void want(Poller& poller, Pollable& owner, bool read, bool write) override {
    poller.change(descriptor_, owner, read, write);
  }
  void stop(Poller& poller) override { poller.remove(descriptor_); }

  [[nodiscard]] bool handshaken() const override { return handshaken_; }
  [[nodiscard]] Outcome handshake() override;
  [[nodiscard]] bool wants_write() const override { return wants_write_; }

  [[nodiscard]] Outcome read(char* buffer, std::size_t capacity, std::size_t& size) override;
  [[nodiscard]] bool has_pending() const override;
  [[nodiscard]] Outcome write(std::string_view bytes, std::size_t& written) override;
  /// TLS close_notify and a FIN, both only if they can be sent at once.
  void shut_down() override;
  void cut() override;
  [[nodiscard]] SSL* tls() const override { return ssl_.get(); }

 private:
  [[nodiscard]] Outcome outcome_of(int result);

  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int descriptor_;
  bool handshaken_ = false;
  bool wants_write_ = false;
  std::unique_ptr<SSL, SslFree> ssl_;
};

}  // namespace twinhub::mqtt_door
