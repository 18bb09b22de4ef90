// OpenSSL's way to a socket. Without the signal: its own socket BIO writes with write(2), and a peer that is gone would
// raise SIGPIPE in a process that has not ignored it. And, for strangers, by whole records (tls_record.hpp).
#pragma once

#include <openssl/ssl.h>

namespace twinhub::net {

/// Has `ssl` read from and write to the non-blocking `descriptor`, which stays the caller's. False without memory.
[[nodiscard]] bool set_socket(SSL* ssl, int descriptor);

/// Whether `ssl` finds a record only once the whole of it is there: so that it keeps no part of one. Off at first.
/// REQUIRES: set_socket(), and no part of a record read so far.
void read_whole_records(SSL* ssl, bool on);

}  // namespace twinhub::net
