// Foreign bytes as text that may go into an MQTT packet: one way for whatever a device has sent, so that no broker ends
// the connection over one character of it. Source: MQTT 3.1.1 and 5.0, section 1.5 (UTF-8 encoded strings); what
// Mosquitto refuses as malformed (lib/utf8_mosq.c) goes further than what the standard forbids.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace twinhub::mqtt {

/// A string's length is written in two bytes.
inline constexpr std::size_t string_bytes_max = 65'535;

/// True for what every broker takes: well-formed UTF-8 of at most string_bytes_max bytes without control characters
/// (C0, DEL, C1) and non-characters. What else UTF-8 must not have (surrogates, longer forms than needed) is not
/// well-formed.
[[nodiscard]] bool is_safe_string(std::string_view bytes);

/// `bytes` where they are such a string. Else each character that is none becomes U+FFFD, and so does each byte that
/// belongs to no character; what is too long ends behind the last whole character that fits.
[[nodiscard]] std::string safe_string(std::string_view bytes);

/// One level of a Topic Name, made of an identity's or a device's text: what has a meaning to a broker or to its access
/// rules (`/ + # $`), what is no safe character, and `%` are percent-encoded byte by byte. So the level adds no level,
/// no wildcard and no "$SYS", and two texts never become one level. Cut as above; "" stays "", which is a level, too.
[[nodiscard]] std::string safe_topic_level(std::string_view bytes);

}  // namespace twinhub::mqtt
