// A small blocking MQTT client that sends whatever it is told to: TCP or TLS, one thread. Every wait ends after a
// generous deadline, by an exception that fails the test.
#pragma once

#include "tests/support/mqtt_bytes.hpp"

#include <openssl/ssl.h>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::test {

/// What the peer sent: the first byte, and everything behind the remaining length.
struct Packet {
  std::uint8_t first_byte = 0;
  std::string body;

  bool operator==(const Packet&) const = default;
};

/// A PUBLISH taken apart.
struct Message {
  std::uint8_t first_byte = 0;
  std::string topic;
  std::string payload;
};

/// How to reach a TLS port.
struct TlsWishes {
  std::filesystem::path ca;  ///< the server's certificate must lead here
  int version_max = TLS1_3_VERSION;
  bool with_certificate = false;  ///< show a self-signed client certificate
};

class MqttClient {
 public:
  /// Plain TCP to 127.0.0.1.
  explicit MqttClient(std::uint16_t port);
  /// TLS; throws when the handshake fails.
  MqttClient(std::uint16_t port, const TlsWishes& wishes);
  /// Leaves without DISCONNECT.
  ~MqttClient();
  MqttClient(MqttClient&&) noexcept;
  MqttClient& operator=(MqttClient&&) = delete;

  void send(std::string_view bytes);
  /// Says that nothing more will be sent, and goes on reading.
  void half_close();
  /// The connection is cut as by a crash: the peer sees a reset.
  void reset();

  /// The next packet; nullopt when the peer has closed.
  [[nodiscard]] std::optional<Packet> read();
  /// The next packet, which has to be there.
  [[nodiscard]] Packet expect();
  /// The next packet, which has to be a PUBLISH.
  [[nodiscard]] Message expect_message();
  /// Reads until the peer closes; what still came before that, as packets.
  std::size_t drain();

 private:
  [[nodiscard]] bool fill();
  [[nodiscard]] std::optional<std::string> take(std::size_t count);

  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int descriptor_ = -1;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::string received_;
};

}  // namespace twinhub::test
