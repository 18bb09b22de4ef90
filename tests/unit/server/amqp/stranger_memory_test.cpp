// What peers without a token can make the engine keep: never more than the engine counts, for the hub bounds strangers by
// that count.
#include "protocol/amqp/encode.hpp"
#include "server/amqp/engine/engine.hpp"

#include <gtest/gtest.h>
#include <malloc.h>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace twinhub::amqp {
namespace {

/// Accepts every link, as the hub does with those of $cbs.
class Host final : public EngineEvents {
 public:
  SaslVerdict on_sasl(std::string_view, std::string_view) override { return SaslVerdict::accepted; }
  std::optional<Condition> on_open(const OpenRequest&) override { return std::nullopt; }
  void on_attach(LinkNumber link, const AttachRequest& request) override {
    requests.push_back(request);
    engine->accept(link, {.properties = Value::map(), .credit = 100, .message_bytes_max = 0});
  }
  void on_delivery(LinkNumber, Incoming&&) override {}
  void on_credit(LinkNumber, bool) override {}
  void on_outcome(LinkNumber, DeliveryNumber, const Outcome&, bool) override {}
  void on_detached(LinkNumber) override {}
  void on_closed(const std::optional<Condition>&) override {}

  Engine* engine = nullptr;
  std::vector<AttachRequest> requests;
};

std::string frame_of(std::uint8_t code, const std::vector<Value>& fields, std::uint16_t channel = 0) {
  std::string items, body, frame;
  for (const Value& field : fields) append_value(items, field);
  append_descriptor(body, code);
  append_list(body, fields.size(), items);
  append_big_endian(frame, body.size() + 8, 4);
  frame.append("\x02\0", 2);
  append_big_endian(frame, channel, 2);
  return frame + body;
}

const std::string header("AMQP\0\1\0\0", 8);

std::string open_frame(const Value& properties) {
  return frame_of(0x10, {Value::string("c"), Value::string("hub"), {}, {}, {}, {}, {}, {}, {}, properties});
}

std::string begin_frame(std::uint16_t channel) {
  return frame_of(0x11, {{}, Value::uint(0), Value::uint(1000), Value::uint(1000)}, channel);
}

std::string attach_frame(std::uint32_t handle, const std::string& name, const Value& properties) {
  const auto terminus = [](std::uint64_t code) {
    return Value::described(Value::ulong(code), Value::list({Value::string("$cbs")}));
  };
  return frame_of(0x12, {Value::string(name),
                         Value::uint(handle),
                         Value::boolean(false),
                         {},
                         {},
                         terminus(0x28),
                         terminus(0x29),
                         {},
                         {},
                         Value::uint(0),
                         {},
                         {},
                         {},
                         properties});
}

Value many_values(int keys = 240) {
  Value map = Value::map();
  for (int i = 0; i < keys; ++i) map.add(Value::symbol("k" + std::to_string(i)), Value::boolean(true));
  return map;
}
Value long_value(std::size_t bytes = 7'500) {
  Value map = Value::map();
  map.add(Value::symbol("k"), Value::string(std::string(bytes, 'x')));
  return map;
}

struct Kind {
  std::string name;
  std::function<std::string()> bytes;
};

class StrangerMemory : public ::testing::TestWithParam<Kind> {};

TEST_P(StrangerMemory, IsNoMoreThanWhatIsCounted) {
  const std::string bytes = GetParam().bytes();
  constexpr std::size_t count = 20;
  std::vector<std::unique_ptr<Host>> hosts;
  std::vector<std::unique_ptr<Engine>> engines;
  std::size_t counted = 0;
  const std::size_t before = mallinfo2().uordblks;
  for (std::size_t i = 0; i < count; ++i) {
    hosts.push_back(std::make_unique<Host>());
    engines.push_back(std::make_unique<Engine>(*hosts.back(), EngineLimits(), "MSSBCBS ANONYMOUS", "hub"));
    hosts.back()->engine = engines.back().get();
    EXPECT_TRUE(engines.back()->receive(bytes));
    std::string out;
    while (engines.back()->take_output(out, 1 << 20)) out.clear();
    counted += engines.back()->unfinished_memory() + engines.back()->stranger_memory();
  }
  const std::size_t kept = mallinfo2().uordblks - before;
  RecordProperty("bytes_each", std::to_string(kept / count));
  RecordProperty("counted_each", std::to_string(counted / count));
  EXPECT_LE(kept, counted);
}

std::string many_links(const Value& properties) {
  std::string bytes = header + open_frame({});
  for (std::uint16_t i = 0; i < 8; ++i) bytes += begin_frame(i);
  for (std::uint32_t i = 0; i < 8; ++i) bytes += attach_frame(i, "link-" + std::to_string(i), properties);
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    AmqpEngine, StrangerMemory,
    ::testing::Values(
        Kind{"AHeader", [] { return header; }}, Kind{"AnOpen", [] { return header + open_frame({}); }},
        Kind{"AnOpenOfManyValues", [] { return header + open_frame(many_values()); }},
        Kind{"AnOpenOfLongValues", [] { return header + open_frame(long_value()); }},
        Kind{"AnOpenAsLargeAsAFrame", [] { return header + open_frame(long_value(64'000)); }},
        Kind{"AnOpenOfThousandsOfValues", [] { return header + open_frame(many_values(4'000)); }},
        Kind{"ALinkAsLargeAsAFrame",
             [] { return header + open_frame({}) + begin_frame(0) + attach_frame(0, "l", long_value(64'000)); }},
        Kind{"ALinkOfThousandsOfValues",
             [] { return header + open_frame({}) + begin_frame(0) + attach_frame(0, "l", many_values(4'000)); }},
        Kind{"ALinkWithANameAsLargeAsAFrame",
             [] { return header + open_frame({}) + begin_frame(0) + attach_frame(0, std::string(64'000, 'n'), {}); }},
        Kind{"EightSessionsAndLinks", [] { return many_links({}); }},
        Kind{"LinksOfManyValues", [] { return many_links(many_values()); }},
        Kind{"LinksOfLongValues", [] { return many_links(long_value()); }},
        Kind{"LinksOfLongNames",
             [] { return header + open_frame({}) + begin_frame(0) + attach_frame(0, std::string(7'500, 'n'), {}); }},
        Kind{"HalfAFrame",
             [] {
               return header + open_frame({}) + std::string("\0\0\xFF\xFF\x02\0\0\0", 8) + std::string(60'000, 'x');
             }}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace twinhub::amqp
