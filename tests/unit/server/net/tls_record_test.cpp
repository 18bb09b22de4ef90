// What is waited for in the kernel comes, or is not waited for: a descriptor that stays readable over a record that is
// not whole would keep its thread busy for nothing.
#include "server/net/tls_record.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <stdexcept>
#include <string>

namespace twinhub::net {
namespace {

using State = RecordLook::State;

/// Both ends of a TCP connection over the loopback.
class Connection {
 public:
  Connection() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    peer_ = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::bind(listener, name, size) != 0 || ::listen(listener, 1) != 0 || ::getsockname(listener, name, &size) != 0 ||
        ::connect(peer_, name, size) != 0)
      throw std::runtime_error("no connection over the loopback");
    own_ = ::accept(listener, nullptr, nullptr);
    ::close(listener);
  }
  ~Connection() {
    ::close(own_);
    ::close(peer_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int own() const { return own_; }
  void send(const std::string& bytes, int flags = 0) const {
    ASSERT_EQ(::send(peer_, bytes.data(), bytes.size(), flags), static_cast<ssize_t>(bytes.size()));
  }
  void end() const { ::shutdown(peer_, SHUT_WR); }
  /// Waits until the own end is readable.
  [[nodiscard]] bool becomes_readable() const {
    pollfd look{.fd = own_, .events = POLLIN, .revents = 0};
    return ::poll(&look, 1, 10'000) == 1;
  }
  [[nodiscard]] bool is_readable() const {
    pollfd look{.fd = own_, .events = POLLIN, .revents = 0};
    return ::poll(&look, 1, 0) == 1;
  }

 private:
  int own_ = -1;
  int peer_ = -1;
};

/// The header of a handshake record of 8,000 bytes.
const std::string header("\x16\x03\x01\x1f\x40", 5);

TEST(TlsRecord, HalfOfOneIsWaitedForUntilTheRestIsThere) {
  const Connection connection;
  connection.send(header + std::string(10, 'x'));
  ASSERT_TRUE(connection.becomes_readable());
  EXPECT_EQ(look_for_record(connection.own()).state, State::incomplete);
  EXPECT_FALSE(connection.is_readable());
  connection.send(std::string(7'990, 'x'));
  ASSERT_TRUE(connection.becomes_readable());
  EXPECT_EQ(look_for_record(connection.own()).state, State::whole);
}

TEST(TlsRecord, TheRestOfOneWhosePeerHasEndedIsNotWaitedFor) {
  const Connection connection;
  connection.send(header + std::string(10, 'x'));
  ASSERT_TRUE(connection.becomes_readable());
  EXPECT_EQ(look_for_record(connection.own()).state, State::incomplete);
  connection.end();
  ASSERT_TRUE(connection.becomes_readable());
  EXPECT_EQ(look_for_record(connection.own()).state, State::no_record);
}

TEST(TlsRecord, BytesThatTheKernelCountsAndDoesNotGiveAreNotWaitedFor) {
  const Connection connection;
  connection.send(header);
  connection.send("!", MSG_OOB);  // the bytes behind it are readable, and not counted by FIONREAD
  connection.send(std::string(8'500, 'x'));
  ASSERT_TRUE(connection.becomes_readable());
  RecordLook look = look_for_record(connection.own());
  while (look.state == State::incomplete) {  // as long as the rest is under way
    ASSERT_TRUE(connection.becomes_readable());
    look = look_for_record(connection.own());
  }
  EXPECT_EQ(look.state, State::no_record);
}

}  // namespace
}  // namespace twinhub::net
