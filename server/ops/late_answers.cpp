#include "server/ops/late_answers.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace twinhub::ops {

LateAnswers::Added LateAnswers::add(std::function<void(SiteAnswer)> send) {
  const std::uint64_t number = ++last_;
  waiting_.emplace(number, std::move(send));
  return {number,
          [late = shared_from_this(), number](SiteAnswer answer) { late->answered(number, std::move(answer)); }};
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
