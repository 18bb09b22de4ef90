// One thread's sockets: waits for them with a time that is kept to the microsecond, and lets what was written during
// one wake-up leave together.
#pragma once

#include "bench/load/clock.hpp"

#include <cstdint>
#include <vector>

namespace twinhub::load {

class EventLoop {
 public:
  class Target {
   public:
    virtual ~Target() = default;
    /// Bytes may be there, or room; either may turn out not to be.
    virtual void ready() = 0;
    /// The end of a wake-up in which flush_later() was asked for.
    virtual void flush() = 0;
  };

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// REQUIRES: `target` outlives the loop's next wait() after the descriptor was closed.
  void add(int descriptor, Target& target, bool want_read, bool want_write);
  void change(int descriptor, Target& target, bool want_read, bool want_write);
  void flush_later(Target& target) { to_flush_.push_back(&target); }

  /// Flushes, then waits until something is ready or `until`, and tells the targets.
  void wait(Clock::time_point until);

 private:
  void flush_all();

  int epoll_;
  std::vector<Target*> to_flush_;
  std::vector<Target*> flushing_;
};

}  // namespace twinhub::load
