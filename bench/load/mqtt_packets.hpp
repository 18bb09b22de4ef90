// MQTT 3.1.1 from the client's side. On purpose not the hub's own code: what both get wrong in the same way would never
// show. Layouts: OASIS MQTT 3.1.1, chapters 2 and 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::load {

struct ConnectFields {
  std::string client_id;
  std::string user_name;  ///< empty: none, nor a password
  std::string password;
  bool clean_session = false;
  std::uint16_t keep_alive_seconds = 0;
};

void append_connect(std::string& out, const ConnectFields& fields);
void append_subscribe(std::string& out, std::uint16_t packet_id, const std::vector<std::string>& filters,
                      std::uint8_t qos);
/// `packet_id` 0: QoS 0, else QoS 1.
void append_publish(std::string& out, std::string_view topic, std::string_view payload, std::uint16_t packet_id = 0);
void append_puback(std::string& out, std::uint16_t packet_id);
void append_pingreq(std::string& out);
void append_disconnect(std::string& out);

/// One whole control packet; `body` is what follows the fixed header.
struct Packet {
  std::uint8_t first_byte = 0;
  std::string_view body;
  std::size_t bytes = 0;  ///< fixed header included

  [[nodiscard]] unsigned type() const { return first_byte >> 4U; }
};

enum class Cut : std::uint8_t { whole, incomplete, malformed };
/// Reads the packet at the start of `bytes`.
[[nodiscard]] Cut cut_packet(std::string_view bytes, Packet& packet);

struct Message {
  std::string_view topic;
  std::string_view payload;
  std::uint16_t packet_id = 0;  ///< 0 at QoS 0
  bool dup = false;
};
/// nullopt: malformed, or QoS 2.
[[nodiscard]] std::optional<Message> read_publish(const Packet& packet);
/// The first two bytes of the body; nullopt when they are not there.
[[nodiscard]] std::optional<std::uint16_t> read_packet_id(const Packet& packet);

}  // namespace twinhub::load
