// An epoll set of our own inside an io_context: idle connections cost a few bytes instead of Asio's half KiB each, and
// Beast and timers still live in the same loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>

namespace twinhub::wire {

/// What the poller wakes. Outlives its registration.
class Pollable {
 public:
  virtual ~Pollable() = default;
  /// `hung_up`: the peer is gone for good; the kernel reports it whatever was asked for.
  virtual void ready(bool readable, bool writable, bool hung_up) = 0;
};

/// One thread: that of `context`.
class Poller {
 public:
  /// `after_batch` runs when every connection of one wake-up has been served.
  Poller(boost::asio::io_context& context, std::function<void()> after_batch);

  void start();
  void stop();
  /// False when the kernel refuses (descriptors, memory).
  [[nodiscard]] bool add(int descriptor, Pollable& target);
  void change(int descriptor, Pollable& target, bool want_read, bool want_write);
  void remove(int descriptor);

 private:
  void wait();
  void run_batch();

  std::function<void()> after_batch_;
  boost::asio::posix::stream_descriptor epoll_;
};

}  // namespace twinhub::wire
