#include "server/wire/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace twinhub::wire {
namespace {

using Outcome = Socket::Outcome;

/// The hub's end of a stream, and the peer's descriptor.
struct Pair {
  Pair() : descriptors(make()), socket(descriptors[0], nullptr), peer(descriptors[1]) {}
  ~Pair() { close_peer(); }

  void close_peer() {
    if (peer >= 0) ::close(peer);
    peer = -1;
  }
  std::string read(Outcome expected, std::size_t capacity = 64) {
    std::string buffer(capacity, '\0');
    std::size_t size = 0;
    EXPECT_EQ(socket.read(buffer.data(), buffer.size(), size), expected);
    buffer.resize(size);
    return buffer;
  }

  static std::array<int, 2> make() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    EXPECT_EQ(::fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    return pair;
  }

  std::array<int, 2> descriptors;
  Socket socket;
  int peer;
};

TEST(Socket, PlainTcpNeedsNoHandshake) {
  Pair pair;
  EXPECT_TRUE(pair.socket.handshaken());
  EXPECT_EQ(pair.socket.handshake(), Outcome::done);
  EXPECT_FALSE(pair.socket.has_pending());
}

TEST(Socket, ReadsWhatIsThereAndSaysWhenNothingIs) {
  Pair pair;
  EXPECT_EQ(pair.read(Outcome::would_block), "");
  EXPECT_EQ(::write(pair.peer, "hello", 5), 5);
  EXPECT_EQ(pair.read(Outcome::done, 3), "hel");
  EXPECT_EQ(pair.read(Outcome::done, 3), "lo");
  EXPECT_EQ(pair.read(Outcome::would_block), "");
}

TEST(Socket, AClosedPeerIsAnEndAndNoSilence) {
  Pair pair;
  EXPECT_EQ(::write(pair.peer, "last", 4), 4);
  pair.close_peer();
  EXPECT_EQ(pair.read(Outcome::done), "last");
  EXPECT_EQ(pair.read(Outcome::closed), "");
}

TEST(Socket, WritesWhatFitsAndSaysHowMuch) {
  Pair pair;
  const std::string bytes(4 << 20, 'x');
  std::size_t written = 0;
  EXPECT_EQ(pair.socket.write(bytes, written), Outcome::would_block);
  EXPECT_GT(written, 0U);
  EXPECT_LT(written, bytes.size());
  std::size_t more = 1;
  EXPECT_EQ(pair.socket.write(std::string_view(bytes).substr(written), more), Outcome::would_block);
  EXPECT_EQ(more, 0U);
}

TEST(Socket, WritingToAClosedPeerIsAnOutcomeAndNoSignal) {
  Pair pair;
  pair.close_peer();
  std::size_t written = 0;
  EXPECT_EQ(pair.socket.write("hello", written), Outcome::closed);
}

}  // namespace
}  // namespace twinhub::wire
