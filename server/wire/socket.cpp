#include "server/wire/socket.hpp"

#include "server/net/client_hello.hpp"
#include "server/net/socket_bio.hpp"
#include "server/net/tls_failure.hpp"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace twinhub::wire {
namespace {

constexpr std::size_t tls_write_bytes_max = 1U << 30;  // SSL_write_ex takes more, but its errors are clearer below

}  // namespace

// An idle device's connection has one: jemalloc's size class is 48 bytes.
static_assert(sizeof(Socket) <= 48);

Socket::Socket(int descriptor, SSL_CTX* tls, net::Place place)
    : place_(std::move(place)), descriptor_(descriptor), handshaken_(tls == nullptr) {
  if (tls == nullptr) return;
  SSL_CTX_up_ref(tls);
  context_.reset(tls);
}

Socket::Socket(net::Stream::Released connection)
    : place_(std::move(connection.place)),
      descriptor_(connection.descriptor),
      handshaken_(true),
      whole_records_(connection.ssl && !place_.is_known()),
      ssl_(std::move(connection.ssl)) {}

Socket::~Socket() {
  place_.leave();  // before the descriptor's number can be another connection's
  ::close(descriptor_);
}

/// TLS begins when a whole ClientHello is there: half of one costs nothing.
Transport::Outcome Socket::begin_tls() {
  switch (net::look_for_client_hello(descriptor_, place_.client_hello_bytes_max())) {
    case net::ClientHello::incomplete:
      return Outcome::would_block;
    case net::ClientHello::refused:
      note({.stage = notices::Stage::tls, .reason = Reason::tls_failed, .detail = net::client_hello_too_large});
      return Outcome::closed;
    case net::ClientHello::ready:
      break;
  }
  if (const net::Turn turn = place_.begin_tls(); turn != net::Turn::begin)
    return turn == net::Turn::wait ? Outcome::would_block : Outcome::closed;
  ssl_.reset(SSL_new(context_.get()));
  context_.reset();  // OpenSSL counts
  if (!ssl_ || !net::set_socket(ssl_.get(), descriptor_)) return Outcome::closed;
  whole_records_ = !place_.is_known();
  if (whole_records_) net::read_whole_records(ssl_.get(), true);
  SSL_set_accept_state(ssl_.get());
  return Outcome::done;
}

void Socket::note(const notices::Happening& what, bool web_socket) const {
  place_.note(what, {.tls = ssl_ || context_, .web_socket = web_socket, .sni = net::server_name_of(ssl_.get())},
              descriptor_);
}

Transport::Outcome Socket::outcome_of(int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  wants_write_ = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Outcome::would_block;
  ERR_clear_error();
  return Outcome::closed;
}

Transport::Outcome Socket::handshake() {
  if (handshaken_) return Outcome::done;
  if (!ssl_) {
    if (!context_) return Outcome::closed;
    if (const auto begun = begin_tls(); begun != Outcome::done) return begun;
  }
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) {
    const unsigned long failure = ERR_peek_error();
    const Outcome outcome = outcome_of(result);
    if (outcome == Outcome::closed) note(net::tls_failure_of(ssl_.get(), failure).happening());
    return outcome;
  }
  handshaken_ = true;
  place_.end_handshake();
  wants_write_ = false;
  return Outcome::done;
}

Transport::Outcome Socket::read(char* buffer, std::size_t capacity, std::size_t& size) {
  if (ssl_) {
    if (whole_records_ && place_.is_known()) {
      whole_records_ = false;
      net::read_whole_records(ssl_.get(), false);
    }
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), buffer, capacity, &size);
    return result == 1 ? Outcome::done : outcome_of(result);
  }
  ssize_t result = 0;
  do {
    result = ::recv(descriptor_, buffer, capacity, 0);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Outcome::would_block : Outcome::closed;
  size = static_cast<std::size_t>(result);
  return result == 0 ? Outcome::closed : Outcome::done;
}

bool Socket::has_pending() const { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }

Transport::Outcome Socket::write(std::string_view bytes, std::size_t& written) {
  written = 0;
  while (written < bytes.size()) {
    std::size_t step = 0;
    if (ssl_) {
      ERR_clear_error();
      const int result = SSL_write_ex(ssl_.get(), bytes.data() + written,
                                      std::min(bytes.size() - written, tls_write_bytes_max), &step);
      if (result != 1) return outcome_of(result);
    } else {
      const ssize_t result = ::send(descriptor_, bytes.data() + written, bytes.size() - written, MSG_NOSIGNAL);
      if (result < 0) {
        if (errno == EINTR) continue;
        return errno == EAGAIN || errno == EWOULDBLOCK ? Outcome::would_block : Outcome::closed;
      }
      step = static_cast<std::size_t>(result);
    }
    written += step;
  }
  wants_write_ = false;
  return Outcome::done;
}

void Socket::cut() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Socket::shut_down() {
  if (ssl_ && handshaken_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace twinhub::wire
