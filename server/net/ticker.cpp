#include "server/net/ticker.hpp"

namespace twinhub::net {

Ticker::Ticker(Threads& threads, std::chrono::milliseconds pace, std::function<void()> task)
    : pace_(pace), task_(std::move(task)), timer_(threads.workers()) {}

void Ticker::start() {
  end_ = ended_.get_future();
  wait();
}

void Ticker::wait() {
  timer_.expires_after(pace_);
  timer_.async_wait([this](const boost::system::error_code&) {
    // Not cancelled from outside: a stop is seen here, one pace later at the most.
    if (stopping_) return ended_.set_value();
    task_();
    wait();
  });
}

void Ticker::stop() {
  if (!end_.valid()) return;
  stopping_ = true;
  end_.get();
}

}  // namespace twinhub::net
