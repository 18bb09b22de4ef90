// Requests that wait for the answer of a site, which may come from any thread, and late: also behind the door's end. A site that ends
// before it answers answers with that: 503.
#pragma once

#include "server/ops/site.hpp"
#include "storage/guarded.hpp"

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace twinhub::ops {

/// add(), forget() and drop() by the door's thread. Made by std::make_shared.
class LateAnswers : public std::enable_shared_from_this<LateAnswers> {
 public:
  explicit LateAnswers(boost::asio::io_context& context) : context_(&context) {}

  struct Added {
    std::uint64_t number = 0;
    Site::Answered answered;
  };
  /// `send` is called on the door's thread.
  [[nodiscard]] Added add(std::function<void(SiteAnswer)> send);
  /// The door's thread: what comes is for nobody.
  void forget(std::uint64_t number) { waiting_.erase(number); }
  /// No answer comes any more.
  void close() {
    const MutexLock lock(mutex_);
    context_ = nullptr;
  }
  /// Once the door's thread is gone, and before its context is.
  void drop() { waiting_.clear(); }

 private:
  struct Promised;
  void answered(std::uint64_t number, SiteAnswer answer);

  std::uint64_t last_ = 0;                                                      // the door's thread
  std::unordered_map<std::uint64_t, std::function<void(SiteAnswer)>> waiting_;  // the same
  Mutex mutex_;
  boost::asio::io_context* context_ GUARDED_BY(mutex_);
};

}  // namespace twinhub::ops
