#include "protocol/mqtt/server_session.hpp"

#include "bytes.hpp"

#include <gtest/gtest.h>

namespace twinhub::mqtt {
namespace {

/// Writes down what the session tells, one line a call.
class Recorder final : public Handler {
 public:
  explicit Recorder(ServerSession& session, bool accepts = true) : session_(session), accepts_(accepts) {}

  void on_connect(const Connect& connect) override {
    calls += "connect " + std::string(connect.client_id) + "\n";
    if (accepts_) session_.accept();
  }
  void on_publish(const Publish& publish) override {
    calls += "publish " + std::string(publish.topic) + " q" + std::to_string(publish.qos) + " " +
             std::string(publish.payload) + "\n";
    if (publish.topic == "close") session_.close();
  }
  void on_subscribe(std::uint16_t id, std::span<const SubscribeEntry> entries) override {
    calls += "subscribe " + std::to_string(id) + " x" + std::to_string(entries.size()) + "\n";
  }
  void on_unsubscribe(std::uint16_t id, std::span<const std::string_view> filters) override {
    calls += "unsubscribe " + std::to_string(id) + " x" + std::to_string(filters.size()) + "\n";
  }
  void on_puback(std::uint16_t id) override { calls += "puback " + std::to_string(id) + "\n"; }
  void on_disconnect() override { calls += "disconnect\n"; }

  std::string calls;

 private:
  ServerSession& session_;
  bool accepts_;
};

constexpr std::size_t packet_max = 4096;

std::string good_stream() {
  return good_connect() + packet(0x82, bytes({0, 1}) + text("a/#") + bytes({1})) + packet(0x30, text("t") + "one") +
         packet(0x32, text("t") + bytes({0, 2}) + std::string(300, 'x')) + bytes({0xC0, 0x00}) +
         packet(0x40, bytes({0, 3})) + packet(0xA2, bytes({0, 4}) + text("a/#")) + packet(0x30, text("t")) +
         bytes({0xE0, 0x00});
}

std::string expected_calls() {
  return "connect dev1\nsubscribe 1 x1\npublish t q0 one\npublish t q1 " + std::string(300, 'x') +
         "\npuback 3\nunsubscribe 4 x1\npublish t q0 \ndisconnect\n";
}

TEST(ServerSession, ManyPacketsInOneRead) {
  ServerSession session(packet_max);
  Recorder recorder(session);
  std::string out;
  EXPECT_FALSE(session.receive(good_stream(), recorder, out));
  EXPECT_EQ(recorder.calls, expected_calls());
  EXPECT_EQ(out, bytes({0xD0, 0x00})) << "[MQTT-3.12.4-1] PINGRESP";
  EXPECT_EQ(session.kept_bytes(), 0U);
}

TEST(ServerSession, CutAtEveryByteTellsTheSame) {
  const std::string stream = good_stream();
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    ServerSession session(packet_max);
    Recorder recorder(session);
    std::string out;
    EXPECT_FALSE(session.receive(std::string_view(stream).substr(0, cut), recorder, out));
    EXPECT_FALSE(session.receive(std::string_view(stream).substr(cut), recorder, out));
    EXPECT_EQ(recorder.calls, expected_calls()) << cut;
  }
}

TEST(ServerSession, ByteByByteTellsTheSame) {
  ServerSession session(packet_max);
  Recorder recorder(session);
  std::string out;
  for (const char byte : good_stream()) EXPECT_FALSE(session.receive({&byte, 1}, recorder, out));
  EXPECT_EQ(recorder.calls, expected_calls());
}

struct Broken {
  const char* rule;
  std::string input;
  Fault fault;
};

TEST(ServerSession, EndsWhereTheStandardSaysSo) {
  const Broken cases[] = {
      {"[MQTT-3.1.0-1] first packet is not CONNECT", packet(0x30, text("t")), Fault::protocol_violation},
      {"PINGREQ before CONNECT", bytes({0xC0, 0}), Fault::protocol_violation},
      {"[MQTT-3.1.0-2] second CONNECT", good_connect() + good_connect(), Fault::protocol_violation},
      {"[MQTT-3.1.2-1] protocol name", packet(0x10, connect_header(0, 3, "MQIsdp") + text("d")),
       Fault::protocol_violation},
      {"[MQTT-2.2.2-2] CONNECT flags", packet(0x11, connect_header(0) + text("d")), Fault::malformed_packet},
      {"[MQTT-3.8.1-1] SUBSCRIBE flags", good_connect() + packet(0x80, bytes({0, 1}) + text("a") + bytes({0})),
       Fault::malformed_packet},
      {"[MQTT-3.10.1-1] UNSUBSCRIBE flags", good_connect() + packet(0xA0, bytes({0, 1}) + text("a")),
       Fault::malformed_packet},
      {"PINGREQ flags", good_connect() + bytes({0xC1, 0}), Fault::malformed_packet},
      {"[MQTT-3.14.1-1] DISCONNECT flags", good_connect() + bytes({0xE1, 0}), Fault::malformed_packet},
      {"PINGREQ with a body", good_connect() + bytes({0xC0, 1, 0}), Fault::malformed_packet},
      {"reserved packet type 0", good_connect() + bytes({0x00, 0}), Fault::protocol_violation},
      {"reserved packet type 15", good_connect() + bytes({0xF0, 0}), Fault::protocol_violation},
      {"CONNACK from a client", good_connect() + bytes({0x20, 2, 0, 0}), Fault::protocol_violation},
      {"SUBACK from a client", good_connect() + bytes({0x90, 3, 0, 1, 0}), Fault::protocol_violation},
      {"PINGRESP from a client", good_connect() + bytes({0xD0, 0}), Fault::protocol_violation},
      {"PUBREC: QoS 2 is not served", good_connect() + bytes({0x50, 2, 0, 1}), Fault::protocol_violation},
      {"PUBREL", good_connect() + bytes({0x62, 2, 0, 1}), Fault::protocol_violation},
      {"PUBCOMP", good_connect() + bytes({0x70, 2, 0, 1}), Fault::protocol_violation},
      {"QoS 2", good_connect() + packet(0x34, text("t") + bytes({0, 1})), Fault::qos_not_supported},
      {"QoS 3", good_connect() + packet(0x36, text("t") + bytes({0, 1})), Fault::malformed_packet},
      {"[MQTT-2.2.3] fifth byte of remaining length", good_connect() + bytes({0x30, 0xFF, 0xFF, 0xFF, 0xFF}),
       Fault::malformed_packet},
      {"longer than the hub takes", good_connect() + bytes({0x30, 0xFF, 0xFF, 0x7F}), Fault::packet_too_large},
  };
  for (const auto& c : cases) {
    ServerSession session(packet_max);
    Recorder recorder(session);
    std::string out;
    EXPECT_EQ(session.receive(c.input, recorder, out), c.fault) << c.rule;
    const std::string told = recorder.calls;
    EXPECT_FALSE(session.receive(packet(0x30, text("t")), recorder, out)) << c.rule;
    EXPECT_EQ(recorder.calls, told) << c.rule << ": input after the fault is ignored";
  }
}

TEST(ServerSession, AnswersOtherProtocolLevelsInTheirOwnWords) {
  for (const int level : {3, 6, 0x84}) {
    ServerSession session(packet_max);
    Recorder recorder(session);
    std::string out;
    EXPECT_EQ(session.receive(packet(0x10, connect_header(0, level) + text("d")), recorder, out),
              Fault::unsupported_version);
    EXPECT_EQ(out, bytes({0x20, 2, 0, 1})) << "[MQTT-3.1.2-2] level " << level;
    EXPECT_EQ(recorder.calls, "");
  }
  ServerSession session(packet_max);
  Recorder recorder(session);
  std::string out;
  EXPECT_TRUE(session.receive(packet(0x10, connect_header(2, 5) + bytes({0}) + text("d")), recorder, out));
  EXPECT_EQ(out, bytes({0x20, 3, 0, 0x84, 0})) << "MQTT 5's CONNACK, unsupported protocol version";
}

TEST(ServerSession, PacketsBehindConnectWaitForItsAnswer) {
  ServerSession session(packet_max);
  Recorder recorder(session, false);
  std::string out;
  EXPECT_FALSE(session.receive(good_connect() + packet(0x30, text("t") + "x"), recorder, out));
  EXPECT_EQ(recorder.calls, "connect dev1\n");
  session.accept();
  EXPECT_FALSE(session.receive("", recorder, out));
  EXPECT_EQ(recorder.calls, "connect dev1\npublish t q0 x\n");
  EXPECT_EQ(session.kept_bytes(), 0U);
}

TEST(ServerSession, WhatIsKeptBehindConnectIsBounded) {
  ServerSession session(packet_max);
  Recorder recorder(session, false);
  std::string out;
  std::optional<Fault> fault = session.receive(good_connect(), recorder, out);
  for (int i = 0; i < 100 && !fault; ++i)
    fault = session.receive(packet(0x30, text("t") + std::string(100, 'x')), recorder, out);
  EXPECT_EQ(fault, Fault::packet_too_large);
}

TEST(ServerSession, NothingIsToldAfterTheOwnerClosed) {
  ServerSession session(packet_max);
  Recorder recorder(session);
  std::string out;
  EXPECT_FALSE(session.receive(good_connect() + packet(0x30, text("close")) + packet(0x30, text("t")), recorder, out));
  EXPECT_EQ(recorder.calls, "connect dev1\npublish close q0 \n");
}

TEST(ServerSession, AStrangerHasLessRoomThanAConnectedClient) {
  const auto length = [](std::size_t size) {  // remaining length in three bytes
    return std::string{static_cast<char>((size & 0x7F) | 0x80), static_cast<char>(((size >> 7) & 0x7F) | 0x80),
                       static_cast<char>(size >> 14)};
  };
  for (const auto& [size, fits] : {std::pair<std::size_t, bool>{96 * 1024 - 4, true}, {96 * 1024 - 3, false}}) {
    ServerSession session(320 * 1024);
    Recorder recorder(session);
    std::string out;
    const auto fault = session.receive("\x10" + length(size), recorder, out);
    EXPECT_EQ(fault, fits ? std::nullopt : std::optional(Fault::packet_too_large)) << size;
  }
  ServerSession session(320 * 1024);
  Recorder recorder(session);
  std::string out;
  EXPECT_FALSE(session.receive(good_connect() + "\x30" + length(300 * 1024), recorder, out));
}

TEST(ServerSession, AnAnnouncedLengthAllocatesNothing) {
  ServerSession session(1U << 28);
  Recorder recorder(session);
  std::string out;
  EXPECT_FALSE(session.receive(good_connect() + bytes({0x30, 0xFF, 0xFF, 0xFF, 0x3F, 0x00}), recorder, out));
  EXPECT_EQ(session.kept_bytes(), 6U);
}

}  // namespace
}  // namespace twinhub::mqtt
