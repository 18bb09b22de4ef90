#include "server/base/countdown.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace twinhub::hub {
namespace {

Result<void> failed(const std::string& why) { return fail(Errc::service_unavailable, why); }

TEST(Countdown, AnswersBehindTheLastWriteAlone) {
  Countdown writes(3);
  EXPECT_FALSE(writes.settle({}));
  EXPECT_FALSE(writes.settle({}));
  const auto outcome = writes.settle({});
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->has_value());
}

TEST(Countdown, AnswersWithTheFirstErrorAlsoWhenLaterWritesAreDurable) {
  Countdown writes(4);
  EXPECT_FALSE(writes.settle({}));
  EXPECT_FALSE(writes.settle(failed("first")));
  EXPECT_FALSE(writes.settle(failed("second")));
  const auto outcome = writes.settle({});
  ASSERT_TRUE(outcome);
  ASSERT_FALSE(outcome->has_value());
  EXPECT_EQ(outcome->error().detail, "first");
}

TEST(Countdown, AnswersOnceWhenThreadsSettleTogether) {
  constexpr std::size_t threads_count = 4, each = 500;
  Countdown writes(threads_count * each);
  std::atomic<int> answers{0}, errors{0};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < threads_count; ++i) {
      threads.emplace_back([&] {
        for (std::size_t k = 0; k < each; ++k) {
          const auto outcome = writes.settle(k == each / 2 ? failed("one of each thread") : Result<void>());
          if (!outcome) continue;
          ++answers;
          if (!*outcome) ++errors;
        }
      });
    }
  }
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(errors, 1);
}

}  // namespace
}  // namespace twinhub::hub
