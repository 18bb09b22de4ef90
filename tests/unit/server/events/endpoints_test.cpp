// Endpoints that are changed while they run: what goes on, what takes another's place, and what is new.
#include "server/events/endpoints.hpp"

#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace twinhub::events {
namespace {

using namespace storage::testing;

const IdentityId device{"device", ""};

class StoppedClock final : public hub::Clock {
 public:
  Timestamp now() const override { return moment(100); }
};

/// Everything that any endpoint has taken, by the name of its sink.
struct Taken {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::vector<std::string>> bodies;

  [[nodiscard]] bool wait_for(const std::string& name, const std::vector<std::string>& wanted) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::minutes(2), [&] { return bodies[name] == wanted; });
  }
};

class NamedSink final : public Sink {
 public:
  NamedSink(Taken& taken, std::string name) : taken_(taken), name_(std::move(name)) {}
  Delivery deliver(std::span<const Outgoing> batch, const std::stop_token&) override {
    const std::lock_guard lock(taken_.mutex);
    for (const Outgoing& each : batch) taken_.bodies[name_].push_back(each.event.body);
    taken_.changed.notify_all();
    return {.done = batch.size()};
  }
  Result<void> reach(const std::stop_token&) override { return {}; }

 private:
  Taken& taken_;
  std::string name_;
};

class ChangedEndpoints : public ::testing::Test {
 protected:
  ChangedEndpoints() {
    store_options_ = small_options(folder_ / "db");
    store_options_.event_partitions = 1;
    store_ = open(store_options_);
    endpoints_ = std::make_unique<Endpoints>(*store_, clock_, random_, to({0}));
    store_->watch_events([this] { endpoints_->wake(); });
    endpoints_->add(endpoint("a", "a"));
    if (!endpoints_->place()) throw std::runtime_error("the endpoint was not placed");
    endpoints_->start();
  }
  ~ChangedEndpoints() override {
    store_->watch_events({});
    endpoints_->stop();
  }

  /// All telemetry goes to these, by their places in the list.
  static Router to(const std::vector<std::size_t>& indexes) {
    EndpointSet all;
    for (const std::size_t index : indexes) all.set(index);
    return *Router::make({"hub", {{"", "all", storage::EventSource::telemetry, "true", all}}, {}, {}});
  }
  /// `sink` "": the endpoint goes on.
  Endpoints::Endpoint endpoint(const std::string& name, const std::string& sink) {
    return {{.name = name, .pause_max = std::chrono::milliseconds(10)},
            sink.empty() ? nullptr : std::make_unique<NamedSink>(taken_, sink)};
  }
  void change(Router router, std::vector<std::pair<std::string, std::string>> wanted) {
    std::vector<Endpoints::Endpoint> all;
    for (const auto& [name, sink] : wanted) all.push_back(endpoint(name, sink));
    ASSERT_TRUE(endpoints_->change(std::move(router), std::move(all)));
  }
  void append(const std::string& body) { ASSERT_TRUE(append_and_wait(*store_, make_telemetry(device, body))); }

  const TemporaryFolder folder_;
  storage::StoreOptions store_options_;
  std::unique_ptr<storage::Store> store_;
  StoppedClock clock_;
  hub::SystemRandom random_;
  Taken taken_;
  std::unique_ptr<Endpoints> endpoints_;
};

TEST_F(ChangedEndpoints, ANewOneGetsWhatComesAndTheOldOneGoesOn) {
  append("1");
  ASSERT_TRUE(taken_.wait_for("a", {"1"}));
  change(to({0, 1}), {{"b", "b"}, {"a", ""}});  // "a" has another bit now
  append("2");
  EXPECT_TRUE(taken_.wait_for("a", {"1", "2"}));
  EXPECT_TRUE(taken_.wait_for("b", {"2"}));
}

TEST_F(ChangedEndpoints, RoutesAloneChangeForAnEndpointThatGoesOn) {
  append("1");
  ASSERT_TRUE(taken_.wait_for("a", {"1"}));
  change(to({}), {{"a", ""}});
  append("2");
  // Passed without being sent.
  while (endpoints_->figures()[0].figures.lag_events > 0) std::this_thread::yield();
  change(to({0}), {{"a", ""}});
  append("3");
  EXPECT_TRUE(taken_.wait_for("a", {"1", "3"}));
}

TEST_F(ChangedEndpoints, OneWithOtherSettingsGoesOnAtItsPlaceInTheLog) {
  append("1");
  ASSERT_TRUE(taken_.wait_for("a", {"1"}));
  change(to({0}), {{"a", "elsewhere"}});
  append("2");
  EXPECT_TRUE(taken_.wait_for("elsewhere", {"2"}));
  EXPECT_TRUE(taken_.wait_for("a", {"1"}));
}

TEST_F(ChangedEndpoints, OneThatIsGoneGetsNothingAndHoldsNothing) {
  append("1");
  ASSERT_TRUE(taken_.wait_for("a", {"1"}));
  change(to({0}), {{"b", "b"}});
  append("2");
  EXPECT_TRUE(taken_.wait_for("b", {"2"}));
  EXPECT_TRUE(taken_.wait_for("a", {"1"}));
  ASSERT_EQ(endpoints_->figures().size(), 1U);
  EXPECT_EQ(endpoints_->figures()[0].name, "b");
  change(to({}), {});
  append("3");
  EXPECT_TRUE(endpoints_->figures().empty());
}

}  // namespace
}  // namespace twinhub::events
