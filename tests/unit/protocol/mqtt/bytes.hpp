// Wire bytes written with the name of each field beside them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace twinhub::mqtt {

inline std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out.push_back(static_cast<char>(value));
  return out;
}

/// Two bytes of length, then the text.
inline std::string text(std::string_view value) {
  return bytes({static_cast<int>(value.size() >> 8), static_cast<int>(value.size() & 0xFF)}) + std::string(value);
}

/// A packet: first byte, remaining length, body.
inline std::string packet(int first_byte, const std::string& body) {
  std::string out = bytes({first_byte});
  std::size_t rest = body.size();
  do {
    const auto low = static_cast<int>(rest & 0x7F);
    rest >>= 7;
    out.push_back(static_cast<char>(rest > 0 ? low | 0x80 : low));
  } while (rest > 0);
  return out + body;
}

/// CONNECT's variable header: protocol name, level, flags, keep alive.
inline std::string connect_header(int flags, int level = 4, std::string_view name = "MQTT") {
  return text(name) + bytes({level, flags, 0x00, 0xB4});
}

/// A CONNECT that everybody takes: client "dev1", user name and password.
inline std::string good_connect() {
  return packet(0x10, connect_header(0xC0) + text("dev1") + text("hub/dev1/") + text("P"));
}

}  // namespace twinhub::mqtt
