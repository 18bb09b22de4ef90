#include "server/net/tls_record.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <array>

namespace twinhub::net {
namespace {

// ContentType: change_cipher_spec, alert, handshake, application_data.
constexpr int record_type_min = 20;
constexpr int record_type_max = 23;

struct Look {
  RecordLook record;
  std::size_t wanted = 0;  ///< bytes, for more to be seen
};

Look look_once(int descriptor, std::size_t bytes_max) {
  RecordLook look;
  std::array<unsigned char, record_header_bytes> header{};
  const ssize_t got = ::recv(descriptor, header.data(), header.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) look.type = header[0];
  if (got > 0 && (look.type < record_type_min || look.type > record_type_max)) return {look};
  if (got < static_cast<ssize_t>(header.size())) return {look, header.size()};
  look.bytes = header.size() + header[3] * 256U + header[4];
  if (look.bytes > bytes_max) return {look};
  int waiting = 0;
  if (::ioctl(descriptor, FIONREAD, &waiting) != 0) return {look};
  if (static_cast<std::size_t>(waiting) < look.bytes) return {look, look.bytes};
  look.state = RecordLook::State::whole;
  return {look};
}

}  // namespace

RecordLook look_for_record(int descriptor, std::size_t bytes_max) {
  Look look = look_once(descriptor, bytes_max);
  if (look.wanted == 0) return look.record;
  if (!waits_for(descriptor, look.wanted)) {
    look = look_once(descriptor, bytes_max);  // the rest may have come in between
    if (look.wanted == 0 || !waits_for(descriptor, look.wanted)) return look.record;
  }
  look.record.state = RecordLook::State::incomplete;
  return look.record;
}

bool waits_for(int descriptor, std::size_t bytes) {
  readable_with(descriptor, bytes);
  pollfd look{.fd = descriptor, .events = POLLIN | POLLRDHUP, .revents = 0};
  return ::poll(&look, 1, 0) == 0;
}

void readable_with(int descriptor, std::size_t bytes) {
  const int low_water = static_cast<int>(bytes);
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water);
}

}  // namespace twinhub::net
