#include "tests/support/cpp/mqtt_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace twinhub::test {
namespace {

constexpr timeval deadline{.tv_sec = 60, .tv_usec = 0};  // a slow machine is no failure; a hub that hangs is
// By itself the kernel may let a socket that nobody reads grow to 32 MiB: "does not read" would mean little.
constexpr int receive_buffer_bytes = 256 * 1024;

int connect_to(std::uint16_t port) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that may be gone
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(descriptor);
    throw std::system_error(error, std::generic_category(), "connect to port " + std::to_string(port));
  }
  return descriptor;
}

/// The leaf with its key, then what is sent along.
void show_certificates(SSL_CTX* context, const std::vector<TestCertificate>& chain) {
  bool usable = SSL_CTX_use_certificate(context, chain.front().certificate().get()) == 1 &&
                SSL_CTX_use_PrivateKey(context, chain.front().key()) == 1;
  for (std::size_t i = 1; i < chain.size(); ++i) {
    usable = usable && SSL_CTX_add1_chain_cert(context, chain[i].certificate().get()) == 1;
  }
  if (!usable) throw std::runtime_error("the client certificate cannot be used");
}

}  // namespace

MqttClient::MqttClient(std::uint16_t port) : descriptor_(connect_to(port)) {}

MqttClient::MqttClient(std::uint16_t port, const TlsWishes& wishes) : MqttClient(port) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (SSL_CTX_load_verify_file(context.get(), wishes.ca.c_str()) != 1) throw std::runtime_error("no CA to trust");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_security_level(context.get(), 0);  // or the library itself would not speak TLS 1.1
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), wishes.version_max);
  if (wishes.with_certificate) show_certificates(context.get(), {TestCertificate()});
  if (!wishes.certificates.empty()) show_certificates(context.get(), wishes.certificates);
  SSL_CTX_set_mode(context.get(), SSL_MODE_NO_AUTO_CHAIN);
  ssl_.reset(SSL_new(context.get()));
  if (wishes.resume) SSL_set_session(ssl_.get(), wishes.resume.get());
  std::string name = "localhost";
  SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  SSL_set1_host(ssl_.get(), name.c_str());
  SSL_set_fd(ssl_.get(), descriptor_);
  if (SSL_connect(ssl_.get()) != 1) throw std::runtime_error("the TLS handshake failed");
}

MqttClient::MqttClient(MqttClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      ssl_(std::move(other.ssl_)),
      received_(std::move(other.received_)),
      web_socket_(other.web_socket_),
      said_goodbye_(other.said_goodbye_),
      frames_(std::move(other.frames_)) {}

MqttClient::~MqttClient() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string MqttClient::upgrade(const UpgradeFields& fields) { return request(upgrade_request(fields)); }

std::string MqttClient::request(std::string_view bytes) {
  send_raw(bytes);
  std::size_t end = 0;
  while ((end = frames_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill_raw(frames_)) return frames_;
  }
  std::string response = frames_.substr(0, end + 4);
  frames_.erase(0, end + 4);
  web_socket_ = response.starts_with("HTTP/1.1 101 ");
  if (web_socket_) return response;
  constexpr std::string_view length = "Content-Length: ";
  const std::size_t at = response.find(length);
  const std::size_t body_bytes = at == std::string::npos ? 0 : std::stoul(response.substr(at + length.size()));
  while (frames_.size() < body_bytes && fill_raw(frames_)) {
  }
  response += frames_.substr(0, body_bytes);
  frames_.erase(0, body_bytes);
  return response;
}

void MqttClient::send(std::string_view bytes) {
  if (web_socket_) return send_raw(frame_bytes({.payload = std::string(bytes)}));
  send_raw(bytes);
}

void MqttClient::send_raw(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t sent = 0;
    if (ssl_) {
      if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) != 1)
        return;  // the peer has closed: read() tells
    } else {
      const ssize_t result = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        throw std::runtime_error("the hub does not take the bytes");
      if (result < 0) return;
      sent = static_cast<std::size_t>(result);
    }
    bytes.remove_prefix(sent);
  }
}

void MqttClient::half_close() { ::shutdown(descriptor_, SHUT_WR); }

void MqttClient::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(descriptor_, -1));
}

/// False when the peer has closed.
bool MqttClient::fill() {
  if (!web_socket_) return fill_raw(received_);
  if (said_goodbye_) return false;
  const auto frame = read_frame();
  if (!frame || frame->opcode == opcode::close) return false;
  if (frame->opcode == opcode::binary || frame->opcode == opcode::continuation) received_ += frame->payload;
  return true;
}

std::optional<Frame> MqttClient::read_frame() {
  auto frame = take_frame(frames_);
  while (!frame) {
    if (!fill_raw(frames_)) return std::nullopt;
    frame = take_frame(frames_);
  }
  if (frame->opcode == opcode::close && !said_goodbye_) {
    said_goodbye_ = true;
    send_raw(frame_bytes({.opcode = opcode::close, .payload = frame->payload.substr(0, 2)}));
    half_close();
  }
  return frame;
}

std::uint16_t MqttClient::read_close_code() {
  while (const auto frame = read_frame()) {
    if (frame->opcode == opcode::close) return frame->close_code();
  }
  return 1006;
}

bool MqttClient::fill_raw(std::string& into) {
  std::array<char, 16 * 1024> buffer{};
  std::size_t size = 0;
  if (ssl_) {
    const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
    if (result != 1 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ)
      throw std::runtime_error("the hub is silent");
    if (result != 1) return false;
  } else {
    const ssize_t result = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) throw std::runtime_error("the hub is silent");
    if (result <= 0) return false;
    size = static_cast<std::size_t>(result);
  }
  into.append(buffer.data(), size);
  return true;
}

std::optional<std::string> MqttClient::take(std::size_t count) {
  while (received_.size() < count) {
    if (!fill()) return std::nullopt;
  }
  std::string bytes = received_.substr(0, count);
  received_.erase(0, count);
  return bytes;
}

std::optional<std::string> MqttClient::read_bytes() {
  while (received_.empty()) {
    if (!fill()) return std::nullopt;
  }
  return std::exchange(received_, {});
}

std::optional<Packet> MqttClient::read() {
  const auto first = take(1);
  if (!first) return std::nullopt;
  std::size_t length = 0;
  for (unsigned shift = 0; shift < 28; shift += 7) {
    const auto byte = take(1);
    if (!byte) return std::nullopt;
    const auto value = static_cast<std::uint8_t>(byte->front());
    length |= static_cast<std::size_t>(value & 0x7FU) << shift;
    if ((value & 0x80U) == 0) break;
  }
  auto body = take(length);
  if (!body) return std::nullopt;
  return Packet{static_cast<std::uint8_t>(first->front()), std::move(*body)};
}

Packet MqttClient::expect() {
  auto packet = read();
  if (!packet) throw std::runtime_error("the hub closed where a packet was expected");
  return std::move(*packet);
}

Message MqttClient::expect_message() {
  const Packet packet = expect();
  if (packet.first_byte >> 4 != 3) throw std::runtime_error("a packet came where a PUBLISH was expected");
  const auto high = static_cast<std::uint8_t>(packet.body.at(0));
  const auto low = static_cast<std::uint8_t>(packet.body.at(1));
  const std::size_t topic_bytes = static_cast<std::size_t>(high) << 8 | low;
  const std::size_t id_bytes = (packet.first_byte & 0x06U) != 0 ? 2 : 0;
  return {packet.first_byte, packet.body.substr(2, topic_bytes), packet.body.substr(2 + topic_bytes + id_bytes)};
}

std::size_t MqttClient::drain() {
  std::size_t count = 0;
  while (read()) ++count;
  return count;
}

}  // namespace twinhub::test
