#include "server/ops/late_answers.hpp"

#include <atomic>
#include <boost/asio/post.hpp>
#include <utility>

namespace twinhub::ops {

/// Of one request: an answer comes, whatever becomes of the site.
struct LateAnswers::Promised {
  Promised(std::shared_ptr<LateAnswers> late_in, std::uint64_t number_in)
      : late(std::move(late_in)), number(number_in) {}
  Promised(const Promised&) = delete;
  Promised& operator=(const Promised&) = delete;
  ~Promised() {
    constexpr unsigned unavailable = 503;
    if (!kept)
      late->answered(number, {.status = unavailable,
                              .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
                              .body = "the hub has ended what was asked before it was done\n"});
  }

  const std::shared_ptr<LateAnswers> late;
  const std::uint64_t number;
  std::atomic<bool> kept{false};
};

LateAnswers::Added LateAnswers::add(std::function<void(SiteAnswer)> send) {
  const std::uint64_t number = ++last_;
  waiting_.emplace(number, std::move(send));
  return {number, [promised = std::make_shared<Promised>(shared_from_this(), number)](SiteAnswer answer) {
            promised->kept = true;
            promised->late->answered(promised->number, std::move(answer));
          }};
}

void LateAnswers::answered(std::uint64_t number, SiteAnswer answer) {
  const MutexLock lock(mutex_);
  if (context_ == nullptr) return;
  boost::asio::post(*context_, [this, number, answer = std::move(answer)]() mutable {
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) return;
    const auto send = std::move(found->second);
    waiting_.erase(found);
    send(std::move(answer));
  });
}

}  // namespace twinhub::ops
