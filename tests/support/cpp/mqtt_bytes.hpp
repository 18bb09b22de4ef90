// MQTT 3.1.1 packets as a client writes them, made by hand and not by the hub's own encoder: the tests' second opinion.
// Every field can be given a wrong value. Source: OASIS MQTT Version 3.1.1, chapter 3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::test {

struct WillFields {
  std::string topic = {};
  std::string message = {};
  std::uint8_t qos = 0;
  bool retain = false;
};

struct ConnectFields {
  std::string protocol_name = "MQTT";
  std::uint8_t level = 4;
  bool clean_session = false;
  std::uint16_t keep_alive_seconds = 1200;  // a client that only listens outlasts a slow disk
  std::string client_id = {};
  std::optional<WillFields> will = {};
  std::optional<std::string> user_name = {};
  std::optional<std::string> password = {};
};

struct PublishFields {
  std::string topic = {};
  std::string payload = {};
  std::uint8_t qos = 0;
  std::uint16_t packet_id = 0;  ///< from QoS 1 on
  bool dup = false;
  bool retain = false;
};

using Filters = std::vector<std::pair<std::string, std::uint8_t>>;

/// Fixed header with the right remaining length, then `body`.
[[nodiscard]] std::string packet(std::uint8_t first_byte, std::string_view body);
[[nodiscard]] std::string integer16(std::uint16_t value);
/// Two bytes of length, then `text`.
[[nodiscard]] std::string length_and(std::string_view text);

[[nodiscard]] std::string connect_packet(const ConnectFields& fields);
[[nodiscard]] std::string publish_packet(const PublishFields& fields);
[[nodiscard]] std::string subscribe_packet(std::uint16_t packet_id, const Filters& filters);
[[nodiscard]] std::string unsubscribe_packet(std::uint16_t packet_id, const std::vector<std::string>& filters);

inline constexpr std::string_view pingreq{"\xC0\x00", 2};
inline constexpr std::string_view disconnect{"\xE0\x00", 2};

}  // namespace twinhub::test
