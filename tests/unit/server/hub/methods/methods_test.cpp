// Direct methods by a clock that stands still: who is asked, who is answered, and that everybody is answered once.
#include "server/hub/methods/methods.hpp"

#include "protocol/json/document.hpp"

#include "server/base/error_table.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <condition_variable>
#include <deque>
#include <thread>

namespace twinhub::hub {
namespace {

/// A call's answers as they come.
class Outcome {
 public:
  [[nodiscard]] Done<MethodAnswer> done() {
    return [state = state_](Result<MethodAnswer> result, storage::Outbox&) { state->push_back(std::move(result)); };
  }
  [[nodiscard]] bool is_open() const { return state_->empty(); }
  /// "200 {...}", or the error's name. Fails when there is no answer, or more than one.
  [[nodiscard]] std::string text() const {
    if (state_->size() != 1) return std::to_string(state_->size()) + " answers";
    const auto& result = state_->front();
    if (!result) return std::string(row_of(result.error().code).name);
    return std::to_string(result->status) + " " + result->payload;
  }

 private:
  std::shared_ptr<std::vector<Result<MethodAnswer>>> state_ = std::make_shared<std::vector<Result<MethodAnswer>>>();
};

struct MethodsWorld : World {
  MethodsWorld() {
    (void)put(d1);
    (void)put(m1);
  }

  Outcome invoke(const IdentityId& id, MethodInvocation invocation = {.name = "reboot"}) {
    Outcome outcome;
    hub.methods.invoke(id, std::move(invocation), outcome.done());
    return outcome;
  }
  /// d1 with a request on its way.
  Outcome invoke_delivered(MethodInvocation invocation = {.name = "reboot"}) {
    links.connect(d1);
    Outcome outcome = invoke(d1, std::move(invocation));
    EXPECT_TRUE(hub.methods.delivering(last()));
    return outcome;
  }
  [[nodiscard]] std::uint64_t last() const { return links.requests().back().number; }
  void answer(std::uint64_t number, std::string_view status, std::string_view payload) {
    storage::Outbox outbox;
    hub.methods.answered(number, status, payload, outbox);
  }
  void undelivered(std::uint64_t number) {
    storage::Outbox outbox;
    hub.methods.undelivered(number, outbox);
  }
  void ready(const IdentityId& id) {
    storage::Outbox outbox;
    hub.methods.device_ready(id, outbox);
  }
  void pass(std::uint64_t seconds) {
    clock.advance_seconds(seconds);
    hub.tick();
  }
  [[nodiscard]] std::uint64_t pending() const { return hub.methods.figures().pending; }
};

TEST(Methods, ADeviceIsAskedAndItsAnswerComesBack) {
  MethodsWorld world;
  const Outcome outcome = world.invoke_delivered({.name = "reboot", .payload = R"({"in":5})"});
  const MethodRequest request = world.links.requests().back();
  EXPECT_EQ(request.id, d1);
  EXPECT_EQ(request.name, "reboot");
  EXPECT_EQ(request.payload, R"({"in":5})");
  EXPECT_TRUE(outcome.is_open());
  world.answer(request.number, "200", R"({ "took" : 1.50 })");
  EXPECT_EQ(outcome.text(), R"(200 { "took" : 1.50 })");  // as the device wrote it
  EXPECT_EQ(world.pending(), 0U);
}

TEST(Methods, WithoutAPayloadTheDeviceGetsAnEmptyMessageAndNullIsNull) {
  const auto payload_of = [](const char* body) {
    const auto document = json::parse(body);
    return read_method_invocation(document->root())->payload;
  };
  EXPECT_EQ(payload_of(R"({"methodName":"m"})"), "");
  EXPECT_EQ(payload_of(R"({"methodName":"m","payload":null})"), "null");
  EXPECT_EQ(payload_of(R"({"methodName":"m","payload":{}})"), "{}");
  EXPECT_EQ(payload_of(R"({"methodName":"m","payload":""})"), R"("")");
  MethodsWorld world;
  const Outcome outcome = world.invoke_delivered({.name = "m"});
  EXPECT_EQ(world.links.requests().back().payload, "");
}

TEST(Methods, WhatIsKeptOfAnAnswerIsCanonical) {
  EXPECT_EQ(canonical_payload({200, "{ 'file' : 'logs.zip', }"}), R"({"file":"logs.zip"})");
  EXPECT_EQ(canonical_payload({200, std::string("[1]\0", 4)}), "[1]");
  EXPECT_EQ(canonical_payload({}), "null");
}

TEST(Methods, AnAnswerIsWhateverTheDeviceSays) {
  const struct {
    std::string status;
    std::string payload;
    std::string answer;
  } cases[] = {
      {"0", "null", "0 null"},
      {"-1", "\"\"", "-1 \"\""},
      {"999", "[1]", "999 [1]"},
      {"404", "", "404 null"},
      {"2147483647", "true", "2147483647 true"},
      {"abc", "{}", "InvalidResponseWhileProxying"},
      {"", "{}", "InvalidResponseWhileProxying"},
      {"1.5", "{}", "InvalidResponseWhileProxying"},
      {"+1", "{}", "InvalidResponseWhileProxying"},
      {"2147483648", "{}", "InvalidResponseWhileProxying"},
      {"200", "hello", "InvalidResponseWhileProxying"},
      {"200", R"({ "ok" : 1 })", R"(200 { "ok" : 1 })"},  // the bytes go through
      {"200", std::string("{\"ok\":1}\0", 9), "200 " + std::string("{\"ok\":1}\0", 9)},
      {"200", "{'file':'logs.zip'}", "200 {'file':'logs.zip'}"},
      {"200", std::string(2, '\0'), "200 null"},
      {"200", "{'a':1e999}", "InvalidResponseWhileProxying"},
      {"200", "{'a':1}{'b':2}", "InvalidResponseWhileProxying"},
      {"200", "{\"a\":1", "InvalidResponseWhileProxying"},
      {"200", "\"\xff\"", "InvalidResponseWhileProxying"},
      {"200", '"' + std::string(method_payload_bytes_max - 2, 'x') + '"',
       "200 \"" + std::string(method_payload_bytes_max - 2, 'x') + '"'},
      {"200", '"' + std::string(method_payload_bytes_max - 1, 'x') + '"', "InvalidResponseWhileProxying"},
  };
  MethodsWorld world;
  for (const auto& row : cases) {
    const Outcome outcome = world.invoke_delivered();
    world.answer(world.last(), row.status, row.payload);
    EXPECT_EQ(outcome.text(), row.answer) << row.status << ' ' << row.payload.substr(0, 20);
  }
  EXPECT_EQ(world.pending(), 0U);
}

TEST(Methods, WhatIsNotRegisteredIsNotFound) {
  MethodsWorld world;
  EXPECT_EQ(world.invoke({"d2", ""}).text(), "DeviceNotFound");
  EXPECT_EQ(world.invoke({"d2", "m1"}).text(), "DeviceNotFound");
  EXPECT_EQ(world.invoke({"d1", "m2"}).text(), "ModuleNotFound");
  EXPECT_TRUE(world.links.requests().empty());
  world.links.connect(m1);
  EXPECT_TRUE(world.invoke(m1).is_open());
}

TEST(Methods, WhatBreaksTheRulesIsRefusedBeforeAnybodyIsAsked) {
  MethodsWorld world;
  world.links.connect(d1);
  for (const char* name : {"", "a b", "a/b", "a#", "a+", "a?", "a:b", "a\tb", "h\xC3\xA9", "a\x01", "a{", "a\""}) {
    EXPECT_EQ(world.invoke(d1, {.name = name}).text(), "ArgumentInvalid") << name;
  }
  EXPECT_EQ(world.invoke(d1, {.name = std::string(1025, 'x')}).text(), "ArgumentInvalid");
  for (const auto& [response, connect] :
       {std::pair{4, 0}, {301, 0}, {-30, 0}, {30, -1}, {300, 301}, {30, 31}, {5, 6}}) {
    EXPECT_EQ(world.invoke(d1, {.name = "a", .response_timeout = response, .connect_timeout = connect}).text(),
              "ArgumentInvalid")
        << response << ' ' << connect;
  }
  EXPECT_EQ(world.invoke(d1, {.name = "a", .payload = std::string(method_payload_bytes_max + 1, '1')}).text(),
            "MessageTooLarge");
  EXPECT_TRUE(world.links.requests().empty());

  for (const char* name : {"a", "thermostat1*getMaxMin", "A-b_c.d~1", "!%&'|^`", "$call", "read$call", "$"}) {
    EXPECT_TRUE(world.invoke(d1, {.name = name}).is_open()) << name;
  }
  EXPECT_TRUE(world.invoke(d1, {.name = "a", .payload = std::string(method_payload_bytes_max, '1')}).is_open());
  EXPECT_TRUE(world.invoke(d1, {.name = "a", .response_timeout = 5, .connect_timeout = 5}).is_open());
  EXPECT_TRUE(world.invoke(d1, {.name = "a", .response_timeout = 300, .connect_timeout = 300}).is_open());
}

TEST(Methods, ADeviceThatIsNotOnlineIsSaidSoAtOnce) {
  MethodsWorld world;
  EXPECT_EQ(world.invoke(d1).text(), "DeviceNotOnline");
  // Connected, but it takes no such method; or its connection ended meanwhile.
  world.links.connect(d1);
  const Outcome outcome = world.invoke(d1);
  world.undelivered(world.last());
  EXPECT_EQ(outcome.text(), "DeviceNotOnline");
  EXPECT_FALSE(world.hub.methods.delivering(world.last()));
  EXPECT_EQ(world.pending(), 0U);
}

TEST(Methods, ACallMayWaitForItsDevice) {
  MethodsWorld world;
  const Outcome outcome = world.invoke(d1, {.name = "reboot", .response_timeout = 20, .connect_timeout = 10});
  world.pass(9);
  world.ready(m1);  // another identity
  EXPECT_EQ(world.links.requests().size(), 1U);
  world.links.connect(d1);
  world.ready(d1);
  EXPECT_EQ(world.links.requests().size(), 2U);
  EXPECT_TRUE(world.hub.methods.delivering(world.last()));
  world.pass(19);  // the response timeout begins with the delivery
  EXPECT_TRUE(outcome.is_open());
  world.answer(world.last(), "200", "1");
  EXPECT_EQ(outcome.text(), "200 1");
  world.ready(d1);
  EXPECT_EQ(world.links.requests().size(), 2U);
}

TEST(Methods, AWaitEndsWithTheConnectTimeout) {
  MethodsWorld world;
  const Outcome outcome = world.invoke(d1, {.name = "reboot", .connect_timeout = 10});
  world.pass(9);
  EXPECT_TRUE(outcome.is_open());
  world.pass(1);
  EXPECT_EQ(outcome.text(), "DeviceNotOnline");
  world.links.connect(d1);
  world.ready(d1);
  EXPECT_EQ(world.links.requests().size(), 1U);
}

TEST(Methods, ACallThatIsOnItsWayWhenItsTimeEndsIsNotSent) {
  MethodsWorld world;
  world.links.connect(d1);
  const Outcome waiting = world.invoke(d1, {.name = "a", .connect_timeout = 10});
  const std::uint64_t first = world.last();
  const Outcome plain = world.invoke(d1, {.name = "b", .response_timeout = 10});
  world.pass(10);
  EXPECT_EQ(waiting.text(), "DeviceNotOnline");
  EXPECT_EQ(plain.text(), "GatewayTimeout");
  EXPECT_FALSE(world.hub.methods.delivering(first));
  EXPECT_FALSE(world.hub.methods.delivering(world.last()));
}

/// The wire says no, but the device has become ready since it looked: nobody would wake this call otherwise.
TEST(Methods, ADeviceThatBecomesReadyDuringAnAttemptIsTriedAgain) {
  MethodsWorld world;
  world.links.connect(d1);
  const Outcome outcome = world.invoke(d1, {.name = "reboot", .connect_timeout = 10});
  world.ready(d1);
  EXPECT_EQ(world.links.requests().size(), 1U);
  world.undelivered(world.last());
  EXPECT_EQ(world.links.requests().size(), 2U);
  world.undelivered(world.last());  // not ready after all
  EXPECT_EQ(world.links.requests().size(), 2U);
  world.ready(d1);
  EXPECT_EQ(world.links.requests().size(), 3U);
  EXPECT_TRUE(world.hub.methods.delivering(world.last()));
  world.answer(world.last(), "200", "");
  EXPECT_EQ(outcome.text(), "200 null");
}

TEST(Methods, ASilentDeviceTimesOutAndItsLateAnswerMeetsNobody) {
  MethodsWorld world;
  const Outcome outcome = world.invoke_delivered({.name = "reboot", .response_timeout = 30});
  world.pass(29);
  EXPECT_TRUE(outcome.is_open());
  world.pass(1);
  EXPECT_EQ(outcome.text(), "GatewayTimeout");
  EXPECT_EQ(world.links.forgotten(), std::vector<std::uint64_t>{world.last()});
  world.answer(world.last(), "200", "1");
  EXPECT_EQ(outcome.text(), "GatewayTimeout");
  EXPECT_EQ(world.pending(), 0U);
}

TEST(Methods, ASecondAnswerAndALostConnectionAfterAnAnswerAreIgnored) {
  MethodsWorld world;
  const Outcome outcome = world.invoke_delivered();
  world.answer(world.last(), "200", "1");
  world.answer(world.last(), "201", "2");
  storage::Outbox outbox;
  world.hub.methods.failed(world.last(), fail(Errc::device_connection_closed_remotely, ""), outbox);
  EXPECT_EQ(outcome.text(), "200 1");
}

TEST(Methods, ADeviceLostInMidCallIsSaidSo) {
  MethodsWorld world;
  const Outcome outcome = world.invoke_delivered();
  storage::Outbox outbox;
  world.hub.methods.failed(world.last(), fail(Errc::device_connection_closed_remotely, ""), outbox);
  EXPECT_EQ(outcome.text(), "DeviceConnectionClosedRemotely");
  world.answer(world.last(), "200", "1");
  EXPECT_EQ(outcome.text(), "DeviceConnectionClosedRemotely");
}

TEST(Methods, CallsToOneDeviceRunSideBySide) {
  MethodsWorld world;
  std::vector<std::pair<std::uint64_t, Outcome>> calls;
  for (int i = 0; i < 50; ++i) {
    const Outcome outcome = world.invoke_delivered();
    calls.emplace_back(world.last(), outcome);
  }
  for (std::size_t i = calls.size(); i-- > 0;) world.answer(calls[i].first, std::to_string(i), "");
  for (std::size_t i = 0; i < calls.size(); ++i) EXPECT_EQ(calls[i].second.text(), std::to_string(i) + " null");
}

TEST(Methods, NumbersDifferInTheBitsThatTheWireShows) {
  MethodsWorld world;
  std::set<std::uint64_t> low;
  for (int i = 0; i < 100; ++i) {
    (void)world.invoke(i % 2 == 0 ? d1 : m1);
    low.insert(world.last() & 0x7FFFFFFFU);
  }
  EXPECT_EQ(low.size(), 100U);
}

TEST(Methods, TooManyAreRefusedUntilOthersEnd) {
  MethodsWorld world;
  world.links.connect(d1);
  Methods methods(*world.store, world.clock, world.random, world.hub.presence, world.links, {.calls_max = 2});
  const auto invoke = [&] {
    Outcome outcome;
    methods.invoke(d1, {.name = "a"}, outcome.done());
    return outcome;
  };
  const Outcome first = invoke();
  const std::uint64_t number = world.last();
  const Outcome second = invoke();
  EXPECT_EQ(invoke().text(), "ThrottlingException");
  EXPECT_TRUE(methods.delivering(number));
  EXPECT_EQ(invoke().text(), "ThrottlingException");
  storage::Outbox outbox;
  methods.answered(number, "200", "", outbox);
  EXPECT_TRUE(invoke().is_open());
  EXPECT_TRUE(second.is_open());
}

TEST(Methods, PayloadsThatAreNotDeliveredAreBounded) {
  MethodsWorld world;
  world.links.connect(d1);
  Methods methods(*world.store, world.clock, world.random, world.hub.presence, world.links,
                  {.calls_max = 100, .payload_bytes_max = 1000});
  const auto invoke = [&] {
    Outcome outcome;
    methods.invoke(d1, {.name = "a", .payload = std::string(600, '1')}, outcome.done());
    return outcome;
  };
  const Outcome first = invoke();
  EXPECT_EQ(invoke().text(), "ThrottlingException");
  EXPECT_TRUE(methods.delivering(world.last()));
  const Outcome second = invoke();
  EXPECT_TRUE(second.is_open());
  storage::Outbox outbox;
  methods.undelivered(world.last(), outbox);
  EXPECT_EQ(second.text(), "DeviceNotOnline");
  EXPECT_TRUE(invoke().is_open());
}

TEST(Methods, AHubThatEndsAnswersEverybody) {
  MethodsWorld world;
  const Outcome waiting = world.invoke(m1, {.name = "a", .connect_timeout = 10});
  const Outcome silent = world.invoke_delivered();
  const Outcome in_time = world.invoke_delivered();
  const std::uint64_t number = world.last();
  world.hub.methods.shut_down(std::chrono::seconds(2));
  EXPECT_EQ(waiting.text(), "ServiceUnavailable");
  EXPECT_EQ(world.invoke(d1).text(), "ServiceUnavailable");
  world.pass(1);
  world.answer(number, "200", "1");
  EXPECT_EQ(in_time.text(), "200 1");
  world.pass(1);
  EXPECT_EQ(silent.text(), "ServiceUnavailable");
  EXPECT_EQ(world.pending(), 0U);
}

/// A wire whose device answers, refuses, loses or forgets calls on threads of its own.
class BusyLinks final : public DeviceLinks {
 public:
  void desired_changed(const IdentityId&, std::uint64_t, const std::shared_ptr<const std::string>&,
                       storage::Outbox&) override {}
  void messages_waiting(const IdentityId&, storage::Outbox&) override {}
  void identity_changed(const iothub::Identity&, storage::Outbox&) override {}
  void identity_deleted(const IdentityId&, storage::Outbox&) override {}
  bool invoke_method(const std::shared_ptr<const MethodRequest>& request, storage::Outbox&) override {
    const std::lock_guard lock(mutex_);
    if (request->number % 7 == 0) return false;
    queue_.push_back(request->number);
    return true;
  }
  void forget_method(const IdentityId&, std::uint64_t, storage::Outbox&) override {}

  void run(Methods& methods, const std::atomic<bool>& stop) {
    while (!stop) {
      std::uint64_t number = 0;
      {
        const std::lock_guard lock(mutex_);
        if (!queue_.empty()) {
          number = queue_.front();
          queue_.pop_front();
        }
      }
      storage::Outbox outbox;
      if (number == 0) {
        methods.device_ready(d1, outbox);
        std::this_thread::yield();
      } else if (number % 5 == 0) {
        methods.undelivered(number, outbox);
      } else if (methods.delivering(number)) {
        if (number % 3 == 0) continue;  // silent
        methods.answered(number, "200", "1", outbox);
        methods.answered(number, "200", "2", outbox);
        methods.failed(number, fail(Errc::device_connection_closed_remotely, ""), outbox);
      }
    }
  }

 private:
  std::mutex mutex_;
  std::deque<std::uint64_t> queue_;
};

TEST(Methods, AmongManyThreadsEveryCallIsAnsweredOnce) {
  MethodsWorld world;
  BusyLinks links;
  Methods methods(*world.store, world.clock, world.random, world.hub.presence, links, {});
  constexpr int calls_per_thread = 2000;
  std::vector<std::atomic<int>> answers(2 * calls_per_thread);
  std::atomic<bool> stop{false};
  std::vector<std::thread> callers, devices;
  for (int t = 0; t < 2; ++t) {
    devices.emplace_back([&] { links.run(methods, stop); });
    callers.emplace_back([&, t] {
      for (int i = 0; i < calls_per_thread; ++i) {
        const std::size_t index = static_cast<std::size_t>(t * calls_per_thread + i);
        methods.invoke(i % 3 == 0 ? m1 : d1, {.name = "a", .connect_timeout = i % 2},
                       [&answers, index](const Result<MethodAnswer>&, storage::Outbox&) { ++answers[index]; });
        if (i % 100 == 0) {
          world.clock.advance_seconds(1);
          methods.tick();
        }
      }
    });
  }
  for (auto& thread : callers) thread.join();
  stop = true;
  for (auto& thread : devices) thread.join();
  world.clock.advance_seconds(600);
  methods.tick();
  for (std::size_t i = 0; i < answers.size(); ++i) ASSERT_EQ(answers[i], 1) << i;
  EXPECT_EQ(methods.figures().pending, 0U);
}

}  // namespace
}  // namespace twinhub::hub
