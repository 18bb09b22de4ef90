// One connection notice: a refusal, a broken protocol or the end of a connection, as an operator reads it.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/reason.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::notices {

/// How far the peer had come.
enum class Stage : std::uint8_t {
  tcp,      ///< no byte was read
  tls,      ///< the handshake
  connect,  ///< who it is: CONNECT, a token
  session,  ///< it was let in
  http,     ///< one request
  link,     ///< one link of an AMQP connection
};
enum class Kind : std::uint8_t {
  refused,
  ended,
  connected,  ///< let in; a line of the log where it is asked for, and no notice
};

[[nodiscard]] std::string_view name_of(Stage stage);
[[nodiscard]] std::string_view name_of(Kind kind);
[[nodiscard]] std::string_view name_of(Reason reason);
[[nodiscard]] std::optional<Reason> reason_named(std::string_view name);
/// One sentence: what has happened.
[[nodiscard]] std::string_view sentence_of(Reason reason);
/// What it usually is, and what to do; "" when there is nothing to do.
[[nodiscard]] std::string_view hint_of(Reason reason);
/// An end that needs nobody's attention.
[[nodiscard]] bool is_ordinary(Kind kind, Reason reason);

/// What a door says. All texts may be foreign: they are made safe and cut. Never a key, a signature, a token or a
/// password.
struct Happening {
  Stage stage = Stage::session;
  Reason reason = Reason::other;
  Kind kind = Kind::refused;
  std::string_view id = {};           ///< whom the peer claims to be: "device" or "device/module"
  std::string_view code = {};         ///< what the peer was told, or what it said: "CONNACK 5", "alert 48", "401"
  std::string_view detail = {};       ///< about this one
  std::string_view protocol = {};     ///< "mqtt", "amqp" ...; "" = that of the door
  std::string_view tracking_id = {};  ///< that the peer was given, to find its line in the log by
};

/// How the peer has come.
struct Way {
  std::string_view protocol = {};  ///< of the door
  std::string address = {};        ///< "" = the peer is gone
  std::uint16_t port = 0;
  std::string party = {};  ///< the part of the address that one party is sure to have to itself
  bool tls = false;
  bool web_socket = false;
  std::string_view sni = {};  ///< the host name that the peer asked for; foreign
};

/// Kept. All texts are UTF-8 without control characters.
struct Notice {
  std::uint64_t number = 0;    ///< a later one is higher
  std::uint64_t revision = 0;  ///< grows with every notice, and with every repetition
  Timestamp first, last;       ///< of `count` alike within a minute
  std::uint64_t count = 1;
  Stage stage = Stage::session;
  Kind kind = Kind::refused;
  Reason reason = Reason::other;
  std::string id;
  std::string address;  ///< "10.0.3.7:51234", of the last; without the port when the peer was gone
  std::string transport;
  std::string sni;
  std::string code;
  std::string detail;
  std::string tracking_id;  ///< for its line in the log

  [[nodiscard]] std::size_t bytes() const;
};

/// Foreign text in at most `bytes_max` bytes of safe UTF-8; what is cut ends in "...".
[[nodiscard]] std::string safe_text(std::string_view text, std::size_t bytes_max);
/// What a text is: ids may be any letters and digits, and have to be found again.
enum class Says : std::uint8_t { anything, id };
/// Without what looks like a key, a token or a signature: people put such things into user names and client ids. Before
/// the text is cut: half a key does not look like one.
[[nodiscard]] std::string without_secrets(std::string_view text, Says what = Says::anything);
/// "mqtts", "amqp-wss", "https" ...
[[nodiscard]] std::string transport_name(std::string_view protocol, const Way& way);

}  // namespace twinhub::notices
