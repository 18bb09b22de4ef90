// How the commit thread hands work back: in batches, one post per I/O thread and commit cycle.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace twinhub::storage {

/// A thread that owns connections, seen from the storage room. Implemented by server/net.
class Lane {
 public:
  virtual ~Lane() = default;
  /// Runs every task on the lane's thread, in order, after everything posted before. Any thread; does not block.
  virtual void post(std::vector<std::function<void()>> tasks) = 0;
};

/// Gathers the tasks of one commit cycle per lane. One thread.
class Outbox {
 public:
  Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;
  ~Outbox() { flush(); }

  void post(Lane& lane, std::function<void()> task) {
    for (auto& [known, tasks] : lanes_) {
      if (known == &lane) {
        tasks.push_back(std::move(task));
        return;
      }
    }
    lanes_.emplace_back(&lane, std::vector<std::function<void()>>{});
    lanes_.back().second.push_back(std::move(task));
  }

  void flush() {
    for (auto& [lane, tasks] : lanes_) {
      if (!tasks.empty()) lane->post(std::exchange(tasks, {}));
    }
  }

 private:
  std::vector<std::pair<Lane*, std::vector<std::function<void()>>>> lanes_;
};

}  // namespace twinhub::storage
