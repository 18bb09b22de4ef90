#include "server/net/own_addresses.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace twinhub::net {
namespace {

/// The address that this machine would send from: connecting a datagram socket sends nothing. "" without a way out.
std::string outgoing_address() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in there{};
  there.sin_family = AF_INET;
  there.sin_port = htons(9);
  ::inet_pton(AF_INET, "192.0.2.1", &there.sin_addr);
  sockaddr_in here{};
  socklen_t size = sizeof here;
  char text[INET_ADDRSTRLEN] = {};
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0 &&
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&here), &size) == 0)
    ::inet_ntop(AF_INET, &here.sin_addr, text, sizeof text);
  ::close(socket);
  return text;
}

TEST(OwnAddresses, AreThatWhichTheHubListensOn) {
  EXPECT_EQ(own_addresses("10.1.2.3"), std::vector<std::string>{"10.1.2.3"});
  EXPECT_EQ(own_addresses("127.0.0.1"), std::vector<std::string>{"127.0.0.1"});
}

TEST(OwnAddresses, AreThoseOfEveryInterfaceWhenItListensOnAll) {
  const std::string outgoing = outgoing_address();
  if (outgoing.empty() || outgoing.starts_with("127.")) GTEST_SKIP() << "this machine has loopback alone";
  for (const char* all : {"0.0.0.0", "::"}) {
    const auto addresses = own_addresses(all);
    EXPECT_EQ(std::count(addresses.begin(), addresses.end(), outgoing), 1) << all;
  }
}

TEST(OwnAddresses, HaveNoneThatNoClientCanName) {
  for (const std::string& address : own_addresses("::")) {
    EXPECT_FALSE(address.starts_with("fe80:") || address.starts_with("127.") || address == "::1") << address;
  }
  for (const std::string& address : own_addresses("0.0.0.0"))
    EXPECT_EQ(address.find(':'), std::string::npos) << address;
}

}  // namespace
}  // namespace twinhub::net
