// The threads of the hub, and who may do what on them.
//
//   I/O threads    own connections and move bytes; work on one twin runs inline, under the store's stripe lock; they
//                  never block on a disk sync and never do long work
//   commit thread  (storage) makes writes durable and posts answers back, one batch per I/O thread and cycle
//   workers        slow work in bounded slices: lists, queries, jobs, key generation, export
//
// A connection belongs to one I/O thread for life; everybody else reaches it by posting to that thread.
#pragma once

#include "storage/outbox.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace twinhub::net {

/// One I/O thread with its own event loop.
class IoThread final : public storage::Lane {
 public:
  explicit IoThread(std::size_t index);

  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  /// True on this very thread.
  [[nodiscard]] bool is_current() const;

  void post(std::vector<std::function<void()>> tasks) override;
  void post(std::function<void()> task);

 private:
  friend class Threads;
  std::size_t index_;
  boost::asio::io_context context_{1};
  std::thread thread_;
};

/// Runs `task` now when on `lane` already, else through `outbox`.
void deliver(IoThread& lane, storage::Outbox& outbox, std::function<void()> task);

/// All I/O threads and the workers. start() and stop() from the main thread.
class Threads {
 public:
  Threads(std::size_t io_threads, std::size_t workers);
  ~Threads();

  void start();
  /// Lets posted tasks finish, then joins. Idempotent.
  void stop();

  [[nodiscard]] std::vector<std::unique_ptr<IoThread>>& io() { return io_; }
  [[nodiscard]] boost::asio::thread_pool& workers() { return workers_; }

 private:
  std::vector<std::unique_ptr<IoThread>> io_;
  boost::asio::thread_pool workers_;
  std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guards_;
};

}  // namespace twinhub::net
