#include "bench/load/stream.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace twinhub::load {
namespace {

constexpr int reads_per_wake_up = 16;

std::string words_of(int error) { return std::generic_category().message(error); }

}  // namespace

Address parse_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Address address;
  if (colon != std::string::npos) {
    address.host = text.substr(0, colon);
    const char* begin = text.data() + colon + 1;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), address.port);
    if (error != std::errc{} || end != text.data() + text.size()) address.port = 0;
  }
  in_addr ignored{};
  if (address.port == 0 || ::inet_pton(AF_INET, address.host.c_str(), &ignored) != 1)
    throw std::runtime_error("'" + text + "' is not a numeric ADDRESS:PORT");
  return address;
}

std::shared_ptr<SSL_CTX> make_client_tls(const std::string& ca_file) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context || SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1)
    throw std::runtime_error("no certificate in " + ca_file);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

Stream::~Stream() { close(); }

void Stream::connect(const Address& address, int receive_buffer_bytes) {
  close();
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "socket");
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (receive_buffer_bytes > 0)
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(address.port);
  ::inet_pton(AF_INET, address.host.c_str(), &peer.sin_addr);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0 && errno != EINPROGRESS)
    return fail("connect: " + words_of(errno));
  state_ = State::connecting;
  reading_ = true;
  watches_read_ = watches_write_ = true;
  loop_.add(descriptor_, *this, true, true);
}

void Stream::close() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  if (descriptor_ >= 0) ::close(descriptor_);
  ssl_ = nullptr;
  descriptor_ = -1;
  state_ = State::closed;
  std::string().swap(out_);
}

void Stream::fail(const std::string& why) {
  close();
  owner_.on_closed(why);
}

void Stream::ready() {
  if (state_ == State::connecting) finish_connect();
  if (state_ == State::handshaking) handshake();
  if (state_ != State::open) return;
  if (watches_write_) flush();
  if (reading_) read();
}

void Stream::finish_connect() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail("connect: " + words_of(error));
  sockaddr_in peer{};
  socklen_t peer_size = sizeof peer;
  if (::getpeername(descriptor_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return;  // not yet
  state_ = tls_ == nullptr ? State::open : State::handshaking;
  if (tls_ != nullptr) {
    ssl_ = SSL_new(tls_);
    SSL_set_fd(ssl_, descriptor_);
    SSL_set_connect_state(ssl_);
    return;
  }
  watch();
  owner_.on_open();
}

void Stream::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    state_ = State::open;
    watch();
    return owner_.on_open();
  }
  const int error = SSL_get_error(ssl_, result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    std::array<char, 200> words{};
    ERR_error_string_n(ERR_get_error(), words.data(), words.size());
    return fail(std::string("TLS: ") + words.data());
  }
  const bool want_write = error == SSL_ERROR_WANT_WRITE;
  if (want_write != watches_write_) {
    watches_write_ = want_write;
    loop_.change(descriptor_, *this, true, want_write);
  }
}

/// Asks for readability while reading, and for room only while something is unsent.
void Stream::watch() {
  const bool want_write = !out_.empty() && !flush_queued_;
  if (want_write == watches_write_ && reading_ == watches_read_) return;
  watches_write_ = want_write;
  watches_read_ = reading_;
  loop_.change(descriptor_, *this, reading_, want_write);
}

void Stream::read() {
  static thread_local std::array<char, 256 * 1024> scratch;
  for (int i = 0; i < reads_per_wake_up || (ssl_ != nullptr && SSL_has_pending(ssl_) == 1); ++i) {
    const long size = read_some(scratch.data(), scratch.size());
    if (size == 0) return;
    if (size < 0) return fail("the peer ended the connection");
    owner_.on_bytes({scratch.data(), static_cast<std::size_t>(size)});
    if (state_ != State::open) return;
    if (ssl_ == nullptr && static_cast<std::size_t>(size) < scratch.size()) return;
  }
}

long Stream::outcome_of(int result) {
  const int error = SSL_get_error(ssl_, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

long Stream::read_some(char* buffer, std::size_t capacity) {
  if (ssl_ != nullptr) {
    std::size_t size = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_, buffer, capacity, &size);
    return result == 1 ? static_cast<long>(size) : outcome_of(result);
  }
  const ssize_t size = ::recv(descriptor_, buffer, capacity, 0);
  if (size > 0) return size;
  return size < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

long Stream::write_some(std::string_view bytes) {
  if (ssl_ != nullptr) {
    std::size_t size = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &size);
    return result == 1 ? static_cast<long>(size) : outcome_of(result);
  }
  const ssize_t size = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (size >= 0) return size;
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

void Stream::send() {
  if (flush_queued_ || watches_write_ || state_ != State::open) return;
  flush_queued_ = true;
  loop_.flush_later(*this);
}

void Stream::flush() {
  flush_queued_ = false;
  if (state_ != State::open) return;
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const long size = write_some(std::string_view(out_).substr(sent));
    if (size < 0) return fail("the peer ended the connection");
    if (size == 0) break;
    sent += static_cast<std::size_t>(size);
  }
  out_.erase(0, sent);
  watch();
}

void Stream::stop_reading() {
  reading_ = false;
  if (state_ == State::open) watch();
}

}  // namespace twinhub::load
