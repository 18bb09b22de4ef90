#include "server/mqtt/socket.hpp"

#include "server/net/tls.hpp"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace twinhub::mqtt_door {
namespace {

constexpr std::size_t tls_write_bytes_max = 1U << 30;  // SSL_write_ex takes more, but its errors are clearer below

}  // namespace

Socket::Socket(int descriptor, SSL_CTX* tls) : descriptor_(descriptor), handshaken_(tls == nullptr) {
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls));
  if (!ssl_) return;
  SSL_set_fd(ssl_.get(), descriptor);
  SSL_set_accept_state(ssl_.get());
  net::request_client_certificate(ssl_.get());
}

Socket::~Socket() { ::close(descriptor_); }

Transport::Outcome Socket::outcome_of(int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  wants_write_ = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Outcome::would_block;
  ERR_clear_error();
  return Outcome::closed;
}

Transport::Outcome Socket::handshake() {
  if (handshaken_) return Outcome::done;
  if (!ssl_) return Outcome::closed;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return outcome_of(result);
  handshaken_ = true;
  wants_write_ = false;
  return Outcome::done;
}

Transport::Outcome Socket::read(char* buffer, std::size_t capacity, std::size_t& size) {
  if (ssl_) {
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

}  // namespace twinhub::mqtt_door
