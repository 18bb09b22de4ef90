#include "server/net/client_hello.hpp"

#include "server/net/tls_record.hpp"

#include <sys/ioctl.h>

namespace twinhub::net {

ClientHello look_for_client_hello(int descriptor, std::size_t bytes_max) {
  const RecordLook look = look_for_record(descriptor, bytes_max);
  const bool may_be_one = look.type == handshake_record || look.type == -1;
  if (may_be_one && look.state == RecordLook::State::incomplete) return ClientHello::incomplete;
  if (look.type == handshake_record && look.bytes > bytes_max) return ClientHello::refused;
  readable_with(descriptor, 1);
  return ClientHello::ready;
}

bool let_client_hello_wait(int descriptor) {
  int waiting = 0;
  return ::ioctl(descriptor, FIONREAD, &waiting) == 0 && waits_for(descriptor, static_cast<std::size_t>(waiting) + 1);
}

}  // namespace twinhub::net
