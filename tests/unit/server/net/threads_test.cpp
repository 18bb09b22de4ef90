#include "server/net/threads.hpp"

#include <gtest/gtest.h>
#include <future>

namespace twinhub::net {
namespace {

TEST(IoThread, RunsPostedTasksInOrderOnItsThread) {
  Threads threads(2, 1);
  threads.start();
  IoThread& lane = *threads.io()[1];
  std::vector<int> order;
  std::promise<bool> on_lane;
  lane.post([&] { order.push_back(1); });
  lane.post(std::vector<std::function<void()>>{[&] { order.push_back(2); }, [&] { order.push_back(3); }});
  lane.post([&] { on_lane.set_value(lane.is_current() && !threads.io()[0]->is_current()); });
  EXPECT_TRUE(on_lane.get_future().get());
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_FALSE(lane.is_current());
  threads.stop();
}

TEST(IoThread, DeliverRunsAtOnceOnTheLaneAndThroughTheOutboxElsewhere) {
  Threads threads(1, 1);
  threads.start();
  IoThread& lane = *threads.io()[0];
  std::promise<bool> at_once;
  lane.post([&] {
    bool ran = false;
    storage::Outbox outbox;
    deliver(lane, outbox, [&] { ran = true; });
    at_once.set_value(ran);
  });
  EXPECT_TRUE(at_once.get_future().get());
  std::promise<bool> elsewhere;
  {
    storage::Outbox outbox;
    deliver(lane, outbox, [&] { elsewhere.set_value(lane.is_current()); });
  }
  EXPECT_TRUE(elsewhere.get_future().get());
  threads.stop();
}

}  // namespace
}  // namespace twinhub::net
