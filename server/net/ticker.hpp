// Calls a function at a steady pace on the worker pool: what is due by the clock gets its turn without a timer of its
// own.
#pragma once

#include "server/net/threads.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <future>

namespace twinhub::net {

/// start() and stop() from the main thread.
class Ticker {
 public:
  Ticker(Threads& threads, std::chrono::milliseconds pace, std::function<void()> task);

  void start();
  /// Returns when the task does not run and will not run again. Idempotent.
  void stop();

 private:
  void wait();

  std::chrono::milliseconds pace_;
  std::function<void()> task_;
  boost::asio::strand<boost::asio::thread_pool::executor_type> strand_;  // of what follows
  boost::asio::steady_timer timer_;
  bool stopping_ = false;
  std::promise<void> ended_;
  std::future<void> end_;  // valid between start() and stop()
};

}  // namespace twinhub::net
