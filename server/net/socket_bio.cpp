#include "server/net/socket_bio.hpp"

#include "server/net/tls_record.hpp"

#include <openssl/bio.h>
#include <sys/socket.h>
#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace twinhub::net {
namespace {

/// What a BIO keeps, in the place of its data pointer: a connection has no allocation more for it.
struct State {
  std::int32_t descriptor = -1;
  std::uint16_t left = 0;  ///< of the record that is being read
  bool whole_records = false;
  bool low_water = false;  ///< the descriptor may wait for more than one byte
};
static_assert(sizeof(State) == sizeof(void*));
static_assert(record_bytes_max <= UINT16_MAX);

State state_of(BIO* bio) { return std::bit_cast<State>(BIO_get_data(bio)); }
void set_state(BIO* bio, const State& state) { BIO_set_data(bio, std::bit_cast<void*>(state)); }

bool may_come_later() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

/// How many of `size` bytes may be read now; 0: none before the whole record is there.
std::size_t allowed(State& state, std::size_t size) {
  if (!state.whole_records) return size;
  if (state.left == 0) {
    const RecordLook look = look_for_record(state.descriptor);
    if (look.state == RecordLook::State::incomplete) {
      state.low_water = true;
      return 0;
    }
    if (std::exchange(state.low_water, false)) readable_with(state.descriptor, 1);
    if (look.state == RecordLook::State::no_record) {
      state.whole_records = false;  // for good: what comes next may be in the middle of a record
      return size;
    }
    state.left = static_cast<std::uint16_t>(look.bytes);
  }
  return std::min<std::size_t>(size, state.left);
}

int read_some(BIO* bio, char* data, std::size_t size, std::size_t* done) {
  BIO_clear_retry_flags(bio);
  *done = 0;
  State state = state_of(bio);
  const bool had_whole_records = state.whole_records;
  const std::size_t wanted = allowed(state, size);
  ssize_t got = -1;
  if (wanted > 0) {
    got = ::recv(state.descriptor, data, wanted, 0);
    if (got > 0) state.left -= std::min(state.left, static_cast<std::uint16_t>(got));
  } else {
    errno = EAGAIN;
  }
  if (got < 0 && may_come_later()) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  if (had_whole_records) set_state(bio, state);
  if (got > 0) *done = static_cast<std::size_t>(got);
  return got > 0 ? 1 : 0;
}

int write_some(BIO* bio, const char* data, std::size_t size, std::size_t* done) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(state_of(bio).descriptor, data, size, MSG_NOSIGNAL);
  if (sent < 0 && may_come_later()) BIO_set_retry_write(bio);
  *done = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  return sent > 0 ? 1 : 0;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
  if (method == nullptr) return nullptr;
  BIO_meth_set_read_ex(method, read_some);
  BIO_meth_set_write_ex(method, write_some);
  BIO_meth_set_ctrl(method, control);
  return method;
}

}  // namespace

bool set_socket(SSL* ssl, int descriptor) {
  static BIO_METHOD* const method = make_method();  // for the life of the process
  BIO* const bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio == nullptr) return false;
  set_state(bio, {.descriptor = descriptor});
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  return true;
}

void read_whole_records(SSL* ssl, bool on) {
  BIO* const bio = SSL_get_rbio(ssl);
  State state = state_of(bio);
  state.whole_records = on;
  if (!on && std::exchange(state.low_water, false)) readable_with(state.descriptor, 1);
  set_state(bio, state);
}

}  // namespace twinhub::net
