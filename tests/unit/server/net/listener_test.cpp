#include "server/net/listener.hpp"
#include "server/notices/notices.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <future>

namespace twinhub::net {
namespace {

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

constexpr int backlog = 16;

TEST(Listener, APortInUseIsSaidInWordsWithItsSetting) {
  const auto first = ListeningSocket::open("127.0.0.1", 0, "--mqtts-port", backlog);
  ASSERT_TRUE(first);
  const std::uint16_t port = first->port();
  const auto second = ListeningSocket::open("127.0.0.1", port, "--https-port", backlog);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().detail,
            "port " + std::to_string(port) + " on 127.0.0.1 is in use by another process (--https-port)");
}

TEST(Listener, WhatIsNoAddressIsSaidInWords) {
  const auto opened = ListeningSocket::open("nowhere", 1, "--listen", backlog);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("'nowhere' is not an IP address"), std::string::npos);
}

TEST(Listener, DealsConnectionsOutToEveryThreadOnItsOwnThread) {
  notices::Notices notices;
  Admission admission({}, notices);
  Threads threads(2, 1);
  std::array<std::atomic<int>, 2> accepted{};
  std::promise<void> all;
  std::atomic<int> total{0};
  auto socket = ListeningSocket::open("127.0.0.1", 0, "", backlog);
  ASSERT_TRUE(socket);
  auto listener =
      Listener::make(*socket, threads, admission, DoorKind::mqtt, [&](IoThread& lane, int descriptor, const Place&) {
        if (lane.is_current()) ++accepted[lane.index()];
        ::close(descriptor);
        if (++total == 10) all.set_value();
      });
  ASSERT_TRUE(listener);
  threads.start();
  (*listener)->start();
  for (int i = 0; i < 10; ++i) ::close(connect_to((*listener)->port()));
  all.get_future().wait();
  EXPECT_EQ(accepted[0], 5);
  EXPECT_EQ(accepted[1], 5);
  (*listener)->stop();
  threads.stop();
  // The port is the socket's: who comes now waits for the next listener.
  const std::uint16_t port = socket->port();
  const int waiting = connect_to(port);
  EXPECT_NE(waiting, -1);
  ::close(waiting);
  { const ListeningSocket closed = std::move(*socket); }
  EXPECT_EQ(connect_to(port), -1);
}

TEST(Listener, WhoConnectsWhileNobodyAcceptsIsServedByTheNextOne) {
  notices::Notices notices;
  Admission admission({}, notices);
  const auto socket = ListeningSocket::open("127.0.0.1", 0, "", backlog);
  ASSERT_TRUE(socket);
  for (int round = 0; round < 2; ++round) {
    const int client = connect_to(socket->port());
    ASSERT_NE(client, -1);
    Threads threads(2, 1);
    std::promise<void> served;
    auto listener =
        Listener::make(*socket, threads, admission, DoorKind::mqtt, [&](IoThread&, int descriptor, const Place&) {
          ::close(descriptor);
          served.set_value();
        });
    ASSERT_TRUE(listener);
    threads.start();
    (*listener)->start();
    served.get_future().wait();
    (*listener)->stop();
    threads.stop();
    ::close(client);
  }
}

}  // namespace
}  // namespace twinhub::net
