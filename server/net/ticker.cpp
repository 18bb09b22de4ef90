#include "server/net/ticker.hpp"

#include <boost/asio/post.hpp>

namespace twinhub::net {

Ticker::Ticker(Threads& threads, std::chrono::milliseconds pace, std::function<void()> task)
    : pace_(pace), task_(std::move(task)), strand_(boost::asio::make_strand(threads.workers())), timer_(strand_) {}

void Ticker::start() {
  end_ = ended_.get_future();
  wait();
}

void Ticker::wait() {
  timer_.expires_after(pace_);
  timer_.async_wait([this](const boost::system::error_code&) {
    if (stopping_) return ended_.set_value();
    task_();
    wait();
  });
}

void Ticker::stop() {
  if (!end_.valid()) return;
  boost::asio::post(strand_, [this] {
    stopping_ = true;
    timer_.cancel();
  });
  end_.get();
}

}  // namespace twinhub::net
