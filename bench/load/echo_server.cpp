// Sends every byte back, from one thread: what loopback itself costs, for `load raw`.
//   echo_server ADDRESS:PORT
#include "bench/load/stream.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

namespace {

int listen_on(const twinhub::load::Address& address) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_port = htons(address.port);
  ::inet_pton(AF_INET, address.host.c_str(), &own.sin_addr);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 || ::listen(listener, 4096) != 0)
    throw std::runtime_error("cannot listen");
  return listener;
}

void watch(int epoll, int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

/// Sends what came, all of it: peers here have little in flight, so that it always fits.
void echo(int descriptor) {
  std::array<char, 16 * 1024> buffer;
  const ssize_t size = ::recv(descriptor, buffer.data(), buffer.size(), 0);
  if (size > 0 && ::send(descriptor, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) == size) return;
  if (size < 0 && errno == EINTR) return;
  ::close(descriptor);
}

[[noreturn]] void serve(int listener) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  while (true) {
    std::array<epoll_event, 128> events;
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
      if (descriptor != listener) {
        echo(descriptor);
        continue;
      }
      const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) continue;
      const int on = 1;
      ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(epoll, peer);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw std::runtime_error("usage: echo_server ADDRESS:PORT");
    serve(listen_on(twinhub::load::parse_address(argv[1])));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "echo_server: %s\n", error.what());
    return 2;
  }
}
