// MQTT 3.1.1's normative statements as tables of bytes: each row names its statement, and goes through every carrier
// and every way of cutting the stream. Source: OASIS MQTT Version 3.1.1, appendix B; statements.txt lists those that
// bind a server.
#pragma once

#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace twinhub::test {

enum class Carrier { tcp, tls, web_socket };
enum class Feeding {
  whole,         ///< the row's bytes in one write
  byte_by_byte,  ///< split at every byte
  crowded,       ///< in one write, between PINGREQs
};

/// A test that runs through every carrier.
class ThroughEveryCarrier : public ::testing::TestWithParam<Carrier> {};
/// ... and every way of feeding.
class InEveryWay : public ::testing::TestWithParam<std::tuple<Carrier, Feeding>> {};

struct Row {
  std::string statement;    ///< "[MQTT-2.2.2-2] PINGREQ with flags 1"
  std::string bytes;        ///< what the client sends
  std::string answer = {};  ///< every byte that comes back; PINGRESPs to the feeding's PINGREQs aside
};

[[nodiscard]] MqttClient open(const WireHub& hub, Carrier carrier);
/// open() and an accepted CONNECT.
[[nodiscard]] MqttClient connect(const WireHub& hub, Carrier carrier, const ConnectFields& fields);
/// dev1, with clean session 1.
[[nodiscard]] MqttClient connect(const WireHub& hub, Carrier carrier);

/// The row's bytes on `client` have to be answered, and the connection goes on.
void expect_served(MqttClient& client, Feeding feeding, const Row& row);
/// The row's bytes have to be answered, and then the connection ends. `alive`: it had been accepted before.
void expect_ended(MqttClient& client, Feeding feeding, const Row& row, bool alive);

[[nodiscard]] std::string name_of(Carrier carrier);
[[nodiscard]] std::string name_of(Feeding feeding);

inline const auto every_carrier = ::testing::Values(Carrier::tcp, Carrier::tls, Carrier::web_socket);
inline const auto every_way =
    ::testing::Combine(every_carrier, ::testing::Values(Feeding::whole, Feeding::byte_by_byte, Feeding::crowded));
[[nodiscard]] std::string carrier_name(const ::testing::TestParamInfo<Carrier>& info);
[[nodiscard]] std::string way_name(const ::testing::TestParamInfo<std::tuple<Carrier, Feeding>>& info);

}  // namespace twinhub::test
