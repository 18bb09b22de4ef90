// What the engine keeps for a peer that takes or settles nothing, and in which order its output leaves.
#include "server/amqp/engine/engine.hpp"
#include "protocol/amqp/encode.hpp"
#include "protocol/amqp/performative.hpp"
#include "tests/support/cpp/amqp_client.hpp"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::amqp {
namespace {

using test::amqp_frame;
using test::attach_frame;

/// Accepts every link; a message that comes is accepted, and answered on `replies` where that is set.
class Host final : public EngineEvents {
 public:
  SaslVerdict on_sasl(std::string_view, std::string_view) override { return SaslVerdict::accepted; }
  std::optional<Condition> on_open(const OpenRequest&) override { return std::nullopt; }
  void on_attach(LinkNumber link, const AttachRequest&) override {
    links.push_back(link);
    if (!keeps_waiting) accept(link);
  }
  void accept(LinkNumber link) {
    engine.accept(link, {.properties = Value::map(), .credit = 100, .message_bytes_max = 0});
  }
  void on_delivery(LinkNumber link, Incoming&& delivery) override {
    came.emplace_back(link, delivery.number);
    if (settles) engine.settle(link, delivery.number, {Outcome::Kind::accepted});
    if (replies != 0) (void)engine.send(replies, "the reply", "r", true);
  }
  void on_credit(LinkNumber, bool) override {}
  void on_outcome(LinkNumber, DeliveryNumber, const Outcome&, bool) override { ++outcomes; }
  void on_detached(LinkNumber) override {}
  void on_closed(const std::optional<Condition>&) override {}

  void receive(const std::string& bytes) { EXPECT_TRUE(engine.receive(bytes)); }
  std::string output() {
    std::string out;
    while (engine.take_output(out, out.size() + 1)) {
    }
    return out;
  }
  /// Sends on the link until it has no more room; returns how many messages it had room for.
  std::size_t fill(LinkNumber link, std::size_t message_bytes, bool takes_output) {
    std::size_t sent = 0;
    for (; sent < 1000 && engine.has_room(link) && engine.credit(link) > 0; ++sent) {
      (void)engine.send(link, std::string(message_bytes, 'm'), std::to_string(sent), false);
      if (takes_output) (void)output();
    }
    return sent;
  }

  Engine engine{*this, EngineLimits(), "ANONYMOUS", "hub"};
  std::vector<LinkNumber> links;
  LinkNumber replies = 0;
  bool settles = true;
  bool keeps_waiting = false;  ///< who attaches
  std::vector<std::pair<LinkNumber, DeliveryNumber>> came;
  std::string last_output;
  std::size_t outcomes = 0;
};

std::string window_frame(std::uint32_t handle, std::uint32_t window, std::uint32_t credit) {
  return amqp_frame(0x13, {Value::uint(0), Value::uint(window), Value::uint(0), Value::uint(1000), Value::uint(handle),
                           Value::uint(0), Value::uint(credit)});
}

void open(Host& host, const std::string& open_frame = test::open_frame()) {
  host.receive(test::amqp_header + open_frame + test::begin_frame());
  (void)host.output();
}

TEST(AmqpEngine, ADispositionLeavesBeforeTheReplyBehindAFullBuffer) {
  for (const Value& frame_max : {Value::uint(65'536), Value::uint(4096), Value()}) {
    Host host;
    open(host, amqp_frame(0x10, {Value::string("c"), Value::string("h"), frame_max}));
    host.receive(attach_frame(0, false, "bulk") + attach_frame(1, true, "requests") +
                 attach_frame(2, false, "replies") + window_frame(0, 1000, 100) + window_frame(2, 1000, 100));
    (void)host.output();
    ASSERT_EQ(host.links.size(), 3U);
    for (int i = 0; i < 5; ++i)
      (void)host.engine.send(host.links[0], std::string(50'000, 'x'), std::to_string(i), true);
    std::string out;
    EXPECT_TRUE(host.engine.take_output(out, 1));  // the transport takes no more for now
    host.replies = host.links[2];
    host.receive(test::transfer_frame(1, 0, "request"));
    out += host.output();
    const std::size_t disposition = out.rfind(std::string("\0\x53\x15", 3)), reply = out.rfind("the reply");
    ASSERT_NE(disposition, std::string::npos);
    ASSERT_NE(reply, std::string::npos);
    EXPECT_LT(disposition, reply);
    std::size_t bulk = 0;
    for (const char c : out) bulk += c == 'x' ? 1 : 0;
    EXPECT_GE(bulk, 250'000U) << "nothing is lost";
  }
}

/// The DISPOSITIONs in `out`: first, last (0 when it is not there) and the state's code.
struct Settled {
  std::uint64_t first = 0, last = 0, state = 0;
  bool operator==(const Settled&) const = default;
};
std::vector<Settled> dispositions_in(std::string_view out) {
  std::vector<Settled> found;
  while (out.size() >= 8) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8U | static_cast<unsigned char>(out[i]);
    const auto frame = read_performative(out.substr(8, size - 8));
    if (frame && frame->code == performative::disposition)
      found.push_back({frame->fields[1].bits, frame->fields[2].bits, frame->fields[4].items[0].bits});
    out.remove_prefix(size);
  }
  return found;
}

TEST(AmqpEngine, OneDispositionTellsOfAllThatWereAcceptedOneAfterTheOther) {
  Host host;
  host.settles = false;
  open(host);
  host.receive(attach_frame(0, true, "a") + attach_frame(1, true, "b"));
  (void)host.output();
  std::string frames;
  for (std::uint32_t i = 0; i < 10; ++i) frames += test::transfer_frame(i % 2, i, "m");
  host.receive(frames);
  ASSERT_EQ(host.came.size(), 10U);
  const auto settle = [&](std::size_t i, const Outcome& outcome) {
    host.engine.settle(host.came[i].first, host.came[i].second, outcome);
  };
  const Outcome accepted{Outcome::Kind::accepted};
  for (std::size_t i = 0; i < 5; ++i) settle(i, accepted);
  settle(5, {Outcome::Kind::rejected, Condition{"amqp:not-found", "no"}});
  for (std::size_t i = 6; i < 9; ++i) settle(i, accepted);
  settle(0, accepted);  // once more: it has its outcome
  EXPECT_EQ(dispositions_in(host.output()), (std::vector<Settled>{{0, 4, 0x24}, {5, 0, 0x25}, {6, 8, 0x24}}));
  settle(9, accepted);
  EXPECT_EQ(dispositions_in(host.output()), (std::vector<Settled>{{9, 0, 0x24}}));
}

/// Clients wait for the outcome of a message that is under way when its link ends.
/// The handle in each FLOW of `out`, null where it is the session's.
std::vector<Value> handles_of_flows_in(std::string_view out) {
  constexpr std::size_t handle_field = 4;
  std::vector<Value> handles;
  while (out.size() >= 8) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8U | static_cast<unsigned char>(out[i]);
    const auto frame = read_performative(out.substr(8, size - 8));
    if (frame && frame->code == performative::flow) handles.push_back(frame->fields[handle_field]);
    out.remove_prefix(size);
  }
  return handles;
}

/// Credit is topped up meanwhile, and replies leave: the engine has events of both links by then.
TEST(AmqpEngine, AFlowOfTheSessionIsOfNoLinkWhateverElseWasSent) {
  Host host;
  open(host);
  host.receive(attach_frame(0, true, "requests") + attach_frame(1, false, "replies") + window_frame(1, 1000, 100));
  (void)host.output();
  host.replies = host.links.at(1);
  std::string frames;
  for (std::uint32_t i = 0; i < 60; ++i) frames += test::transfer_frame(0, i, "m");
  const Value none;
  frames += amqp_frame(0x13, {Value::uint(0), Value::uint(1000), Value::uint(60), Value::uint(1000), none, none, none,
                              none, none, Value::boolean(true)});
  host.receive(frames);
  const auto handles = handles_of_flows_in(host.output());
  ASSERT_FALSE(handles.empty());
  EXPECT_TRUE(handles.back().is_null());
}

/// The reply waits in the engine for a window when its link goes, and an event with it.
TEST(AmqpEngine, AFlowBehindTheEndOfALinkWithAReplyThatWaitsIsOfNoLink) {
  Host host;
  open(host);
  host.receive(attach_frame(0, true, "requests") + attach_frame(1, false, "replies") + window_frame(1, 0, 100));
  (void)host.output();
  host.replies = host.links.at(1);
  host.receive(test::transfer_frame(0, 0, "m"));
  (void)host.output();
  host.replies = 0;
  std::string frames = amqp_frame(0x16, {Value::uint(1), Value::boolean(true)});
  for (std::uint32_t i = 1; i <= 60; ++i) frames += test::transfer_frame(0, i, "m");
  frames += amqp_frame(0x13, {Value::uint(0), Value::uint(0), Value::uint(61), Value::uint(1000)});
  host.receive(frames);
  EXPECT_EQ(host.came.size(), 61U);
  (void)host.output();
}

TEST(AmqpEngine, ALinkThatComesAgainAtOnceIsDetachedBeforeItIsAttached) {
  Host host;
  open(host);
  host.receive(attach_frame(0, true, "again"));
  (void)host.output();
  host.receive(amqp_frame(0x16, {Value::uint(0), Value::boolean(true)}) + attach_frame(0, true, "again"));
  const std::string out = host.output();
  const std::size_t detach = out.find(std::string("\0\x53\x16", 3)), attach = out.find(std::string("\0\x53\x12", 3));
  ASSERT_NE(detach, std::string::npos);
  ASSERT_NE(attach, std::string::npos);
  EXPECT_LT(detach, attach);
}

TEST(AmqpEngine, AMessageWhoseBeginningWasRefusedIsNotTakenWithoutIt) {
  Host host;
  open(host);
  host.keeps_waiting = true;
  host.receive(attach_frame(0, true, "a") + test::transfer_frame(0, 0, "FIRST", true));
  std::string out = host.output();
  host.accept(host.links.at(0));
  host.receive(test::transfer_frame(0, 0, "SECOND"));
  out += host.output();
  EXPECT_TRUE(host.came.empty());
  ASSERT_EQ(dispositions_in(out).size(), 1U);
  EXPECT_EQ(dispositions_in(out)[0].state, 0x25U) << "rejected";
  host.receive(test::transfer_frame(0, 1, "the next one"));
  EXPECT_EQ(host.came.size(), 1U);
}

TEST(AmqpEngine, AMessageThatIsTooLongIsRejectedOnce) {
  Host host;
  open(host);
  host.receive(attach_frame(0, true, "a"));
  (void)host.output();
  std::string frames;
  for (int i = 0; i < 25; ++i) frames += test::transfer_frame(0, 0, std::string(60'000, 'x'), i < 24);
  host.receive(frames + test::transfer_frame(0, 1, "another"));
  EXPECT_EQ(dispositions_in(host.output()), (std::vector<Settled>{{0, 0, 0x25}, {1, 0, 0x25}}));
  EXPECT_TRUE(host.came.empty());
}

TEST(AmqpEngine, NothingFollowsAClose) {
  Host host;
  host.settles = false;
  open(host);
  host.receive(attach_frame(0, true, "a") + test::transfer_frame(0, 0, "m") + test::transfer_frame(0, 1, "m"));
  (void)host.output();
  const Outcome accepted{Outcome::Kind::accepted};
  host.engine.settle(host.came[0].first, host.came[0].second, accepted);
  host.engine.close(std::nullopt);
  EXPECT_EQ(dispositions_in(host.output()), (std::vector<Settled>{{0, 0, 0x24}})) << "before it";
  host.engine.settle(host.came[1].first, host.came[1].second, accepted);
  host.engine.set_credit(host.links[0], 1000);
  EXPECT_EQ(host.output(), "");
  EXPECT_TRUE(host.engine.finished());
}

/// A message in frames of the smallest size takes many of them: the window is that of frames.
TEST(AmqpEngine, TheWindowIsRenewedWithinAMessage) {
  Host host;
  open(host);
  host.receive(attach_frame(0, true, "a"));
  (void)host.output();
  constexpr std::uint32_t frames = 20'000, window = 5000;
  std::uint32_t sent = 0, allowed = window;
  for (; sent < frames; ++sent) {
    ASSERT_LT(sent, allowed) << "the hub has closed its window";
    host.receive(amqp_frame(0x14,
                            {Value::uint(0), Value::uint(0), Value::binary("t"), Value::uint(0), Value::boolean(false),
                             Value::boolean(sent + 1 < frames)},
                            "12345678"));
    std::string_view out = host.last_output = host.output();
    while (out.size() >= 8) {
      std::size_t size = 0;
      for (std::size_t i = 0; i < 4; ++i) size = size << 8U | static_cast<unsigned char>(out[i]);
      const auto frame = read_performative(out.substr(8, size - 8));
      if (frame && frame->code == performative::flow)
        allowed = static_cast<std::uint32_t>(frame->fields[0].bits + frame->fields[1].bits);
      out.remove_prefix(size);
    }
  }
  EXPECT_EQ(dispositions_in(host.last_output), (std::vector<Settled>{{0, 0, 0x24}}));
}

/// TRANSFERs pass the library by, which watches the peer's silence.
TEST(AmqpEngine, APeerThatOnlySendsMessagesIsNotSilent) {
  for (const bool sends : {true, false}) {
    Host host;
    open(host);
    host.receive(attach_frame(0, true, "a"));
    (void)host.output();
    constexpr std::int64_t minute = 60'000;
    std::int64_t now = minute;
    (void)host.engine.tick(now);
    for (std::uint32_t i = 0; i < 30 && !host.engine.is_closing(); ++i) {
      if (sends) host.receive(test::transfer_frame(0, i, "m"));
      (void)host.output();
      (void)host.engine.tick(now += minute);
    }
    EXPECT_EQ(host.engine.is_closing(), !sends);
  }
}

/// The engine keeps a message's buffer until the peer has settled it.
TEST(AmqpEngine, WhatThePeerDoesNotSettleTakesRoom) {
  Host host;
  open(host);
  host.receive(attach_frame(0, false, "a") + attach_frame(1, false, "b") + window_frame(0, 100'000, 1000));
  const std::size_t sent = host.fill(host.links[0], 64 * 1024, true);
  EXPECT_EQ(sent, 16U);
  EXPECT_TRUE(host.engine.has_room(host.links[1])) << "another link";
  host.receive(amqp_frame(
      0x15, {Value::boolean(true), Value::uint(0), Value::uint(7), Value::boolean(true), test::accepted_outcome()}));
  EXPECT_EQ(host.outcomes, 8U);
  EXPECT_EQ(host.fill(host.links[0], 64 * 1024, true), 8U);
}

TEST(AmqpEngine, WhatADeadLinkHasNotSentIsGivenBack) {
  Host host;
  open(host);
  for (std::uint32_t handle = 0; handle < 20; ++handle) {
    host.receive(attach_frame(handle, false, "a" + std::to_string(handle)) + window_frame(handle, 0, 100));
    EXPECT_GE(host.fill(host.links.back(), 60'000, true), 4U);
    EXPECT_FALSE(host.engine.has_room(host.links.back()));
    host.receive(amqp_frame(0x16, {Value::uint(handle), Value::boolean(true)}));
    (void)host.output();
  }
}

TEST(AmqpEngine, ASessionIsAnsweredBeforeWhatComesOnIt) {
  Host host;
  open(host, amqp_frame(0x10, {Value::string("c"), Value::string("h"), Value::uint(65'536)}));
  host.receive(attach_frame(0, false, "bulk") + window_frame(0, 1000, 100));
  (void)host.output();
  for (int i = 0; i < 4; ++i) (void)host.engine.send(host.links[0], std::string(60'000, 'x'), std::to_string(i), true);
  std::string out;
  EXPECT_TRUE(host.engine.take_output(out, 1));
  host.receive(test::begin_frame(1) + attach_frame(0, true, "c", 1) + test::transfer_frame(0, 0, "m", false, 1));
  out += host.output();
  const std::size_t begin = out.rfind(std::string("\0\x53\x11", 3)), attach = out.rfind(std::string("\0\x53\x12", 3));
  EXPECT_LT(begin, attach);
}

}  // namespace
}  // namespace twinhub::amqp
