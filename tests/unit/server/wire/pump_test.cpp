// The pump under a protocol of one line per request, over a pair of sockets and an event loop that the test turns.
#include "server/wire/pump.hpp"

#include "server/wire/pump_lane.hpp"
#include "server/wire/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace twinhub::wire {
namespace {

/// Each line is a request; the test answers when it likes.
class LineProtocol final : public Pump {
 public:
  using Pump::Pump;

  std::vector<std::string> requests;
  std::size_t answered = 0;         ///< of these
  std::vector<std::string> events;  ///< of the pump's calls
  bool held = false;

  void answer(std::string_view text) {
    out().append(text);
    wrote();
    if (!closed()) request_ended(static_cast<std::uint32_t>(requests[answered++].size()));
  }
  void send(std::string_view text) {
    out().append(text);
    wrote();
  }
  void close(const std::string& why, bool may_answer = true) {
    if (closed()) return;
    end(Goodbye::polite, may_answer);
    events.push_back(why);
  }

 private:
  bool receive(std::string_view bytes) override {
    kept_.append(bytes);
    while (!held) {
      const std::size_t end_of_line = kept_.find('\n');
      if (end_of_line == std::string::npos) break;
      requests.push_back(kept_.substr(0, end_of_line));
      kept_.erase(0, end_of_line + 1);
      if (requests.back() == "bye") {
        close("bye");
        return false;
      }
      request_began(static_cast<std::uint32_t>(requests.back().size()));
    }
    return true;
  }
  std::size_t kept_bytes() const override { return kept_.size(); }
  void hold(bool now) override { held = now; }
  void all_written() override { events.emplace_back("written"); }
  void deadline_reached() override { events.emplace_back("deadline"); }
  void close_for(Cause cause) override {
    close(cause == Cause::peer_closed   ? "peer closed"
          : cause == Cause::slow_reader ? "slow reader"
                                        : "stopped",
          cause != Cause::slow_reader);
  }

  std::string kept_;
};

class LineLane final : public PumpLane {
 public:
  LineLane(net::IoThread& io, const PumpLimits& limits) : PumpLane(io, limits) { start(); }
  ~LineLane() override { finish_stop(); }
  LineProtocol* last = nullptr;

 private:
  std::unique_ptr<Pump> make_pump(std::uint64_t id, std::unique_ptr<Transport> transport) override {
    auto pump = std::make_unique<LineProtocol>(*this, id, std::move(transport));
    last = pump.get();
    return pump;
  }
};

struct PumpTest : ::testing::Test {
  explicit PumpTest(PumpLimits wanted = {}) : limits(wanted), lane(io, limits) {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    for (const int descriptor : pair) EXPECT_EQ(::fcntl(descriptor, F_SETFL, O_NONBLOCK), 0);
    peer = pair[1];
    lane.adopt(std::make_unique<Socket>(pair[0], nullptr));
    turn();
  }
  ~PumpTest() override { hang_up(); }

  void hang_up() {
    if (peer >= 0) ::close(peer);
    peer = -1;
  }
  /// Runs all that is due.
  void turn() {
    io.context().restart();
    while (io.context().poll() > 0) {
    }
  }
  void say(std::string_view text) {
    ASSERT_EQ(::write(peer, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    turn();
  }
  std::string hear() {
    turn();
    std::string all(64 * 1024, '\0');
    const ssize_t size = ::read(peer, all.data(), all.size());
    all.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return all;
  }
  LineProtocol& pump() { return *lane.last; }

  PumpLimits limits;
  net::IoThread io{0};
  LineLane lane;
  int peer = -1;
};

TEST_F(PumpTest, RequestsComeInAndAnswersGoOut) {
  say("one\ntw");
  EXPECT_EQ(pump().requests, std::vector<std::string>{"one"});
  pump().answer("1;");
  EXPECT_EQ(hear(), "1;");
  say("o\n");
  EXPECT_EQ(pump().requests.back(), "two");
  pump().answer("2;");
  EXPECT_EQ(hear(), "2;");
}

TEST_F(PumpTest, WhatIsWrittenInOneWakeUpLeavesTogether) {
  say("one\ntwo\n");
  pump().answer("1;");
  pump().answer("2;");
  EXPECT_TRUE(pump().events.empty());
  EXPECT_EQ(hear(), "1;2;");
  EXPECT_EQ(pump().events, std::vector<std::string>{"written"});
}

TEST_F(PumpTest, APeerThatHangsUpIsReported) {
  EXPECT_EQ(lane.counts.connections, 1U);
  hang_up();
  pump().send("to nobody");
  const std::vector<std::string>& events = pump().events;
  turn();
  EXPECT_EQ(lane.counts.connections, 1U);  // until its protocol buries it
  EXPECT_EQ(events, std::vector<std::string>{"peer closed"});
}

TEST_F(PumpTest, AStopWaitsForTheAnswerOfARequest) {
  say("one\n");
  lane.begin_stop();
  say("two\n");
  EXPECT_EQ(pump().requests.size(), 1U);  // not read any more
  EXPECT_FALSE(pump().closed());
  pump().answer("1;");
  EXPECT_EQ(hear(), "1;");
  EXPECT_EQ(pump().events.back(), "stopped");
}

TEST_F(PumpTest, AnAnswerThatIsWrittenAtTheEndStillLeaves) {
  say("one\n");
  pump().send("last words");
  say("bye\n");
  EXPECT_EQ(pump().events.back(), "bye");
  EXPECT_EQ(hear(), "last words");
}

struct BusyPumpTest : PumpTest {
  BusyPumpTest()
      : PumpTest({.output_bytes_max = 256 * 1024, .in_flight_max = 4, .received = {}, .login_timeout = {}}) {}
};

TEST_F(BusyPumpTest, TooManyRequestsInFlightHoldThePeerBackUntilHalfAreAnswered) {
  say("1\n2\n3\n4\n5\n6\n");
  EXPECT_EQ(pump().requests.size(), 4U);
  EXPECT_TRUE(pump().held);
  pump().answer("1;");
  turn();
  EXPECT_EQ(pump().requests.size(), 4U);
  pump().answer("2;");
  turn();
  EXPECT_EQ(pump().requests.size(), 6U);
  say("7\n");
  EXPECT_EQ(pump().requests.size(), 6U);  // four are in flight again
  for (const char* answer : {"3;", "4;", "5;", "6;"}) pump().answer(answer);
  turn();
  EXPECT_EQ(pump().requests.size(), 7U);
}

struct LargeRequestsTest : PumpTest {
  LargeRequestsTest() : PumpTest({.in_flight_bytes_max = 1000, .received = {}}) {}
};

TEST_F(LargeRequestsTest, TooManyBytesInFlightHoldThePeerBackUntilHalfAreAnswered) {
  const std::string line = std::string(400, 'x') + '\n';
  say(line + line + line + line + line);
  EXPECT_EQ(pump().requests.size(), 3U);
  pump().answer("1;");
  turn();
  EXPECT_EQ(pump().requests.size(), 3U);  // 800 bytes are in flight
  pump().answer("2;");
  turn();
  EXPECT_EQ(pump().requests.size(), 5U);
  EXPECT_TRUE(pump().held);
}

TEST_F(LargeRequestsTest, ARequestThatIsLargerByItselfIsServed) {
  say(std::string(5000, 'x') + "\nnext\n");
  EXPECT_EQ(pump().requests.size(), 1U);
  pump().answer("1;");
  turn();
  EXPECT_EQ(pump().requests.size(), 2U);
  EXPECT_FALSE(pump().held);
}

/// The bucket stays over its brim for longer than any test takes.
struct SlowRateTest : PumpTest {
  SlowRateTest() : PumpTest({.received = {.per_second = 1, .burst = 4000}}) {}
};

TEST_F(SlowRateTest, APeerOverItsRateIsNotReadAndItsAnswersLeave) {
  say(std::string(3000, 'x') + '\n');
  EXPECT_EQ(lane.counts.held_back, 0U);
  say(std::string(3000, 'y') + '\n');
  EXPECT_EQ(pump().requests.size(), 2U);  // what has been read is served
  EXPECT_EQ(lane.counts.held_back, 1U);
  say("more\n");
  EXPECT_EQ(pump().requests.size(), 2U);
  pump().answer("1;");
  pump().answer("2;");
  EXPECT_EQ(hear(), "1;2;");
  EXPECT_EQ(pump().requests.size(), 2U);
  EXPECT_GT(pump().received_level(), 4000U);
}

TEST_F(SlowRateTest, WhatThePeerHasSentBeforeOnOtherConnectionsCounts) {
  pump().add_received(5000);
  say("one\n");
  say("two\n");
  EXPECT_EQ(pump().requests, std::vector<std::string>{"one"});
  EXPECT_EQ(lane.counts.held_back, 1U);
}

TEST_F(SlowRateTest, AStopDoesNotWaitForTheRate) {
  say(std::string(6000, 'x') + '\n');
  lane.begin_stop();
  pump().answer("1;");
  EXPECT_EQ(hear(), "1;");
  EXPECT_EQ(pump().events.back(), "stopped");
}

struct FastRateTest : PumpTest {
  FastRateTest() : PumpTest({.received = {.per_second = 1 << 20, .burst = 4000}}) {}
};

TEST_F(FastRateTest, APeerIsReadAgainOnceItsBytesHaveRunOut) {
  say(std::string(6000, 'x') + '\n');
  say("more\n");
  EXPECT_EQ(lane.counts.held_back, 1U);
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  while (pump().requests.size() < 2 && Clock::now() < deadline) {
    io.context().restart();
    io.context().run_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(pump().requests.size(), 2U);
}

TEST_F(BusyPumpTest, APeerThatDoesNotReadIsHeldBackThenClosed) {
  const std::string chunk(48 * 1024, 'x');
  for (int i = 0; i < 100 && !pump().closed(); ++i) {
    pump().send(chunk);
    turn();
  }
  EXPECT_TRUE(pump().closed());
  EXPECT_EQ(pump().events.back(), "slow reader");
  EXPECT_EQ(lane.counts.slow_readers_closed, 1U);
}

TEST_F(BusyPumpTest, ADeadlineIsReportedOnceItHasPassedAndNotBefore) {
  pump().look_again(lane.now());
  pump().check_deadline();
  EXPECT_EQ(pump().events, std::vector<std::string>{"deadline"});
  pump().look_again(lane.now() + std::chrono::hours(1));
  pump().check_deadline();
  EXPECT_EQ(pump().events.size(), 1U);
}

}  // namespace
}  // namespace twinhub::wire
