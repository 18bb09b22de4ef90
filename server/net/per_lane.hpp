// A door keeps one object for each I/O thread: how it reaches all of them from the main thread.
#pragma once

#include "server/net/threads.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace twinhub::net {

/// Runs `task(lane)` on every lane's own thread, one after the other, and waits for it. Not from an I/O thread; Threads
/// run.
template <class Lane, class Task>
void on_every_lane(std::vector<std::unique_ptr<Lane>>& lanes, Task task) {
  for (auto& lane : lanes) {
    std::promise<void> done;
    lane->io().post([&] {
      task(*lane);
      done.set_value();
    });
    done.get_future().wait();
  }
}

/// Sleeps until `idle()`, at most `within`.
inline void wait_until_idle(const std::function<bool()>& idle, std::chrono::milliseconds within) {
  constexpr std::chrono::milliseconds step{5};
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!idle() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(step);
}

}  // namespace twinhub::net
