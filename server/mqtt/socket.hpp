// A non-blocking stream on a descriptor: plain TCP, or TLS by OpenSSL directly on it (a stream class would hold two
// record buffers for life: 71 against 14 KiB per connection).
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <openssl/ssl.h>

namespace twinhub::mqtt_door {

/// One thread. Owns the descriptor.
class Socket {
 public:
  enum class Outcome : unsigned char { done, would_block, closed };

  Socket(int descriptor, SSL_CTX* tls);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] bool handshaken() const { return handshaken_; }
  /// Goes on with the TLS handshake; done at once for plain TCP.
  [[nodiscard]] Outcome handshake();
  /// The handshake or the last write waits for room to write rather than for bytes to read.
  [[nodiscard]] bool wants_write() const { return wants_write_; }

  /// Reads at most `capacity` bytes; `size` is set when done.
  [[nodiscard]] Outcome read(char* buffer, std::size_t capacity, std::size_t& size);
  /// Bytes that arrived but wait inside TLS: the descriptor will not tell of them.
  [[nodiscard]] bool has_pending() const;
  /// Writes what it can of `bytes`; `written` may be short with would_block.
  [[nodiscard]] Outcome write(std::string_view bytes, std::size_t& written);
  /// Says goodbye (TLS close_notify) and that nothing more will be sent.
  void shut_down();

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
