#include "server/wire/poller.hpp"

#include <sys/epoll.h>
#include <array>
#include <system_error>

namespace twinhub::wire {
namespace {

constexpr int events_per_batch = 128;

int make_epoll() {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return descriptor;
}

}  // namespace

Poller::Poller(boost::asio::io_context& context, std::function<void()> after_batch)
    : after_batch_(std::move(after_batch)), epoll_(context, make_epoll()) {}

void Poller::start() { wait(); }

void Poller::stop() {
  boost::system::error_code ignored;
  epoll_.cancel(ignored);
}

void Poller::wait() {
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    run_batch();
    wait();
  });
}

void Poller::run_batch() {
  std::array<epoll_event, events_per_batch> events;
  const int count = ::epoll_wait(epoll_.native_handle(), events.data(), events_per_batch, 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    // Targets are destroyed in after_batch at the earliest, so every pointer of the batch is good.
    auto* target = static_cast<Pollable*>(event.data.ptr);
    target->ready((event.events & EPOLLIN) != 0, (event.events & EPOLLOUT) != 0,
                  (event.events & (EPOLLHUP | EPOLLERR)) != 0);
  }
  after_batch_();
}

bool Poller::add(int descriptor, Pollable& target) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &target;
  return ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void Poller::change(int descriptor, Pollable& target, bool want_read, bool want_write) {
  epoll_event event{};
  event.events = (want_read ? EPOLLIN : 0U) | (want_write ? EPOLLOUT : 0U);
  event.data.ptr = &target;
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, descriptor, &event);
}

void Poller::remove(int descriptor) { ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, descriptor, nullptr); }

}  // namespace twinhub::wire
