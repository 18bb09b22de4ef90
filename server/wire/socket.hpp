// A connection's own descriptor on the lane's epoll set: plain TCP, or TLS by OpenSSL directly on it (a stream class
// would hold two record buffers for life: 71 against 14 KiB per connection).
#pragma once

#include "server/net/admission.hpp"
#include "server/net/peer_address.hpp"
#include "server/net/stream.hpp"
#include "server/wire/transport.hpp"

#include <memory>
#include <utility>

namespace twinhub::wire {

/// One thread. Owns the descriptor.
class Socket final : public Transport {
 public:
  /// `tls` null = plain TCP; `place` empty = none: it is left before the descriptor is closed. The context stays in use
  /// as long as the socket, over a reload too: OpenSSL counts.
  Socket(int descriptor, SSL_CTX* tls, net::Place place = {});
  /// A connection whose handshake, if there is one, is over.
  explicit Socket(net::Stream::Released connection);
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
  [[nodiscard]] boost::asio::ip::tcp::endpoint local_end() const override { return net::local_end_of(descriptor_); }
  [[nodiscard]] SSL* tls() const override { return ssl_.get(); }
  [[nodiscard]] bool is_known() const { return place_.is_known(); }
  [[nodiscard]] net::Place* place() override { return place_ ? &place_ : nullptr; }
  void note(const notices::Happening& what) const override { note(what, false); }
  /// `web_socket`: the bytes are those of a WebSocket.
  void note(const notices::Happening& what, bool web_socket) const;

 private:
  [[nodiscard]] Outcome begin_tls();
  [[nodiscard]] Outcome outcome_of(int result);

  net::Place place_;
  int descriptor_;
  bool handshaken_ = false;
  bool wants_write_ = false;
  bool whole_records_ = false;  ///< OpenSSL reads a stranger's records only whole
  struct ContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, ContextFree> context_;  ///< until TLS begins
  std::unique_ptr<SSL, net::SslFree> ssl_;
};

}  // namespace twinhub::wire
