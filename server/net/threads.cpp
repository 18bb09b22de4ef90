#include "server/net/threads.hpp"

#include <pthread.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <string>

namespace twinhub::net {
namespace {

thread_local const IoThread* current_io_thread = nullptr;

}  // namespace

IoThread::IoThread(std::size_t index) : index_(index) {}

bool IoThread::is_current() const { return current_io_thread == this; }

void IoThread::post(std::vector<std::function<void()>> tasks) {
  boost::asio::post(context_, [batch = std::move(tasks)] {
    for (const auto& task : batch) task();
  });
}

void IoThread::post(std::function<void()> task) { boost::asio::post(context_, std::move(task)); }

void deliver(IoThread& lane, storage::Outbox& outbox, std::function<void()> task) {
  if (lane.is_current()) {
    task();
  } else {
    outbox.post(lane, std::move(task));
  }
}

Threads::Threads(std::size_t io_threads, std::size_t workers) : workers_(workers) {
  for (std::size_t i = 0; i < io_threads; ++i) io_.push_back(std::make_unique<IoThread>(i));
}

Threads::~Threads() { stop(); }

void Threads::start() {
  for (auto& io : io_) {
    guards_.push_back(boost::asio::make_work_guard(io->context_));
    io->thread_ = std::thread([thread = io.get()] {
      current_io_thread = thread;
      pthread_setname_np(pthread_self(), ("io-" + std::to_string(thread->index_)).c_str());
      thread->context_.run();
    });
  }
}

void Threads::stop() {
  workers_.join();
  guards_.clear();
  for (auto& io : io_) {
    io->context_.stop();
    if (io->thread_.joinable()) io->thread_.join();
  }
}

}  // namespace twinhub::net
