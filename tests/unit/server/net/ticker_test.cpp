#include "server/net/ticker.hpp"

#include <gtest/gtest.h>
#include <future>

namespace twinhub::net {
namespace {

TEST(Ticker, CallsAgainAndAgainUntilItIsStopped) {
  Threads threads(1, 1);
  threads.start();
  std::atomic<int> calls{0};
  std::promise<void> third;
  Ticker ticker(threads, std::chrono::milliseconds(1), [&] {
    if (++calls == 3) third.set_value();
  });
  ticker.start();
  third.get_future().get();
  ticker.stop();
  const int at_stop = calls;
  ticker.stop();
  threads.stop();
  EXPECT_EQ(calls, at_stop);
}

TEST(Ticker, ThatWasNeverStartedStops) {
  Threads threads(1, 1);
  Ticker ticker(threads, std::chrono::milliseconds(1), [] { FAIL(); });
  ticker.stop();
}

}  // namespace
}  // namespace twinhub::net
