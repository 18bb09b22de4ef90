#include "bench/load/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace twinhub::load {
namespace {

epoll_event event_of(EventLoop::Target& target, bool want_read, bool want_write) {
  epoll_event event{};
  event.events = (want_read ? EPOLLIN : 0U) | (want_write ? EPOLLOUT : 0U);
  event.data.ptr = &target;
  return event;
}

}  // namespace

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // else waits end up to 50 us late
}

EventLoop::~EventLoop() { ::close(epoll_); }

void EventLoop::add(int descriptor, Target& target, bool want_read, bool want_write) {
  epoll_event event = event_of(target, want_read, want_write);
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void EventLoop::change(int descriptor, Target& target, bool want_read, bool want_write) {
  epoll_event event = event_of(target, want_read, want_write);
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event);
}

void EventLoop::flush_all() {
  while (!to_flush_.empty()) {
    std::swap(to_flush_, flushing_);
    for (Target* target : flushing_) target->flush();
    flushing_.clear();
  }
}

void EventLoop::wait(Clock::time_point until) {
  flush_all();
  const auto left =
      std::max(std::chrono::nanoseconds(0), std::chrono::duration_cast<std::chrono::nanoseconds>(until - Clock::now()));
  const timespec timeout{.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
  std::array<epoll_event, 256> events;
  const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) static_cast<Target*>(events[static_cast<std::size_t>(i)].data.ptr)->ready();
  flush_all();
}

}  // namespace twinhub::load
