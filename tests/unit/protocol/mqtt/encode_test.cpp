#include "protocol/mqtt/encode.hpp"

#include "bytes.hpp"

#include <gtest/gtest.h>

namespace twinhub::mqtt {
namespace {

template <class Append>
std::string made_by(Append append) {
  std::string out;
  append(out);
  return out;
}

TEST(Encode, Connack) {
  EXPECT_EQ(made_by([](auto& out) { append_connack(out, false, ReturnCode::accepted); }), bytes({0x20, 2, 0, 0}));
  EXPECT_EQ(made_by([](auto& out) { append_connack(out, true, ReturnCode::accepted); }), bytes({0x20, 2, 1, 0}));
  // [MQTT-3.2.2-4]: session present is 0 with every refusal
  EXPECT_EQ(made_by([](auto& out) { append_connack(out, true, ReturnCode::not_authorized); }), bytes({0x20, 2, 0, 5}));
}

TEST(Encode, Acknowledgements) {
  EXPECT_EQ(made_by([](auto& out) { append_puback(out, 0x0102); }), bytes({0x40, 2, 1, 2}));
  EXPECT_EQ(made_by([](auto& out) { append_unsuback(out, 7); }), bytes({0xB0, 2, 0, 7}));
  EXPECT_EQ(made_by([](auto& out) { append_pingresp(out); }), bytes({0xD0, 0}));
  EXPECT_EQ(made_by([](auto& out) {
              append_suback(out, 7, std::vector<std::uint8_t>{0, 1, suback_failure});
            }),
            bytes({0x90, 5, 0, 7, 0, 1, 0x80}));
}

TEST(Encode, PublishAtQos0HasNoPacketIdentifier) {
  const std::string topic = "$iothub/twin/res/204/?$rid=1&$version=6";
  EXPECT_EQ(made_by([&](auto& out) { append_publish(out, {.topic = topic, .payload = {}, .packet_id = 9}); }),
            bytes({0x30, 0x29, 0x00, 0x27}) + topic);
}

TEST(Encode, PublishAtQos1WithDup) {
  EXPECT_EQ(made_by([](auto& out) {
              append_publish(out, {.topic = "t", .payload = "pp", .packet_id = 0x0A0B, .qos = 1, .dup = true});
            }),
            bytes({0x3A, 7, 0, 1, 't', 0x0A, 0x0B, 'p', 'p'}));
}

TEST(Encode, RemainingLengthTakesUpToFourBytes) {
  for (const std::size_t size :
       {std::size_t{124}, std::size_t{125}, std::size_t{16'380}, std::size_t{16'381}, std::size_t{2'100'000}}) {
    const std::string payload(size, 'x');
    const std::string out = made_by([&](auto& o) { append_publish(o, {.topic = "t", .payload = payload}); });
    EXPECT_EQ(out, packet(0x30, text("t") + payload)) << size;
  }
}

}  // namespace
}  // namespace twinhub::mqtt
