// A small blocking MQTT client that sends whatever it is told to: TCP, TLS or WebSocket, one thread. Every wait ends
// after a generous deadline, by an exception that fails the test.
#pragma once

#include "tests/support/cpp/mqtt_bytes.hpp"
#include "tests/support/cpp/test_certificates.hpp"
#include "tests/support/cpp/web_socket_bytes.hpp"

#include <openssl/ssl.h>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  std::filesystem::path ca = {};  ///< the server's certificate must lead here
  int version_max = TLS1_3_VERSION;
  bool with_certificate = false;                   ///< show a self-signed client certificate
  std::vector<TestCertificate> certificates = {};  ///< show these, the leaf first
  std::shared_ptr<SSL_SESSION> resume = {};        ///< of an earlier connection
};

class MqttClient {
 public:
  /// Plain TCP to 127.0.0.1.
  explicit MqttClient(std::uint16_t port);
  /// TLS; throws when the handshake fails.
  MqttClient(std::uint16_t port, const TlsWishes& wishes);
  /// nullptr without TLS.
  [[nodiscard]] SSL* tls() const { return ssl_.get(); }
  /// Leaves without DISCONNECT, and without a word of WebSocket.
  ~MqttClient();
  MqttClient(MqttClient&&) noexcept;
  MqttClient& operator=(MqttClient&&) = delete;

  /// Asks for a WebSocket on this connection and returns the response's header and body. On 101 everything else goes
  /// through binary frames from then on: each send() is one.
  std::string upgrade(const UpgradeFields& fields = {});
  /// The same with any HTTP request.
  std::string request(std::string_view bytes);

  void send(std::string_view bytes);
  /// Past the WebSocket's frames.
  void send_raw(std::string_view bytes);
  /// The next frame, whatever it holds; nullopt when the peer has closed. A close frame is answered.
  [[nodiscard]] std::optional<Frame> read_frame();
  /// 1006 when the connection ended without a close frame.
  [[nodiscard]] std::uint16_t read_close_code();
  /// Says that nothing more will be sent, and goes on reading.
  void half_close();
  /// The connection is cut as by a crash: the peer sees a reset.
  void reset();

  /// The next bytes, of whatever protocol; nullopt when the peer has closed.
  [[nodiscard]] std::optional<std::string> read_bytes();
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
  [[nodiscard]] bool fill_raw(std::string& into);
  [[nodiscard]] std::optional<std::string> take(std::size_t count);

  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int descriptor_ = -1;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::string received_;
  bool web_socket_ = false;
  bool said_goodbye_ = false;
  std::string frames_;  // received bytes that are no whole frame yet
};

}  // namespace twinhub::test
