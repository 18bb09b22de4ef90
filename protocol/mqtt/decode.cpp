#include "protocol/mqtt/decode.hpp"

#include "protocol/utf8.hpp"

namespace twinhub::mqtt {
namespace {

/// Walks over a packet's body; every read says whether the bytes were there.
class Reader {
 public:
  explicit Reader(std::string_view body) : rest_(body) {}

  [[nodiscard]] std::optional<std::uint8_t> byte() {
    if (rest_.empty()) return std::nullopt;
    const auto value = static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  [[nodiscard]] std::optional<std::uint16_t> integer() {
    if (rest_.size() < 2) return std::nullopt;
    const unsigned high = static_cast<std::uint8_t>(rest_[0]);
    const unsigned low = static_cast<std::uint8_t>(rest_[1]);
    rest_.remove_prefix(2);
    return static_cast<std::uint16_t>(high << 8 | low);
  }
  /// Two bytes of length, then the bytes.
  [[nodiscard]] std::optional<std::string_view> binary() {
    const auto size = integer();
    if (!size || rest_.size() < *size) return std::nullopt;
    const std::string_view bytes = rest_.substr(0, *size);
    rest_.remove_prefix(*size);
    return bytes;
  }
  [[nodiscard]] std::optional<std::string_view> string() {
    const auto text = binary();
    if (!text || !is_mqtt_string(*text)) return std::nullopt;
    return text;
  }
  /// [MQTT-2.3.1-1]: not zero.
  [[nodiscard]] std::optional<std::uint16_t> packet_id() {
    const auto id = integer();
    if (!id || *id == 0) return std::nullopt;
    return id;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// Connect Flags, section 3.1.2.3.
constexpr unsigned reserved_flag = 0x01;
constexpr unsigned clean_session_flag = 0x02;
constexpr unsigned will_flag = 0x04;
constexpr unsigned will_qos_shift = 3;
constexpr unsigned will_retain_flag = 0x20;
constexpr unsigned password_flag = 0x40;
constexpr unsigned user_name_flag = 0x80;

/// Combinations of flags that MQTT forbids.
bool connect_flags_allowed(unsigned flags) {
  const bool will = (flags & will_flag) != 0;
  const unsigned will_qos = (flags >> will_qos_shift) & 3U;
  if ((flags & reserved_flag) != 0) return false;                                   // [MQTT-3.1.2-3]
  if (!will && (will_qos != 0 || (flags & will_retain_flag) != 0)) return false;    // [MQTT-3.1.2-11], -13, -15
  if (will_qos == 3) return false;                                                  // [MQTT-3.1.2-14]
  if ((flags & user_name_flag) == 0 && (flags & password_flag) != 0) return false;  // [MQTT-3.1.2-22]
  return true;
}

}  // namespace

bool is_mqtt_string(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = text[0] == '\0' ? 0 : utf8_sequence_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

bool is_topic_filter(std::string_view filter) {
  if (filter.empty()) return false;  // [MQTT-4.7.3-1]
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] != '#' && filter[i] != '+') continue;
    const bool level_begins = i == 0 || filter[i - 1] == '/';
    const bool level_ends = i + 1 == filter.size() || filter[i + 1] == '/';
    if (!level_begins || !level_ends) return false;                // [MQTT-4.7.1-2], [MQTT-4.7.1-3]
    if (filter[i] == '#' && i + 1 != filter.size()) return false;  // [MQTT-4.7.1-2]
  }
  return true;
}

std::optional<ProtocolVersion> decode_protocol_version(std::string_view body) {
  Reader reader(body);
  const auto name = reader.string();
  const auto level = reader.byte();
  if (!name || !level) return std::nullopt;
  return ProtocolVersion{*name == "MQTT", *level, name->size() + 3};
}

std::string_view decode_client_id_5(std::string_view body) {
  const auto version = decode_protocol_version(body);
  if (!version) return {};
  Reader reader(body.substr(version->bytes));
  if (!reader.byte() || !reader.integer()) return {};  // flags, keep alive
  std::size_t properties = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = reader.byte();
    if (!byte || shift > 21) return {};
    properties |= static_cast<std::size_t>(*byte & 0x7FU) << shift;
    if ((*byte & 0x80U) == 0) break;
  }
  if (reader.rest().size() < properties) return {};
  return Reader(reader.rest().substr(properties)).string().value_or(std::string_view());
}

std::optional<Connect> decode_connect(std::string_view body) {
  const auto version = decode_protocol_version(body);
  if (!version) return std::nullopt;
  Reader reader(body.substr(version->bytes));
  const auto flags = reader.byte();
  const auto keep_alive = reader.integer();
  const auto client_id = reader.string();
  if (!flags || !keep_alive || !client_id || !connect_flags_allowed(*flags)) return std::nullopt;

  Connect connect;
  connect.clean_session = (*flags & clean_session_flag) != 0;
  connect.keep_alive_seconds = *keep_alive;
  connect.client_id = *client_id;
  if ((*flags & will_flag) != 0) {
    const auto topic = reader.string();
    const auto message = reader.binary();
    if (!topic || !message) return std::nullopt;
    connect.will = Will{*topic, *message, static_cast<std::uint8_t>((*flags >> will_qos_shift) & 3U),
                        (*flags & will_retain_flag) != 0};
  }
  if ((*flags & user_name_flag) != 0) {
    connect.user_name = reader.string();
    if (!connect.user_name) return std::nullopt;
  }
  if ((*flags & password_flag) != 0) {
    connect.password = reader.binary();
    if (!connect.password) return std::nullopt;
  }
  if (!reader.at_end()) return std::nullopt;
  return connect;
}

std::optional<Publish> decode_publish(std::uint8_t flags, std::string_view body) {
  Publish publish;
  publish.retain = (flags & 0x01U) != 0;
  publish.qos = static_cast<std::uint8_t>((flags >> 1) & 3U);
  publish.dup = (flags & 0x08U) != 0;
  if (publish.qos == 3) return std::nullopt;                 // [MQTT-3.3.1-4]
  if (publish.qos == 0 && publish.dup) return std::nullopt;  // [MQTT-3.3.1-2]
  Reader reader(body);
  const auto topic = reader.string();
  if (!topic || topic->empty()) return std::nullopt;  // [MQTT-3.3.2-1], [MQTT-4.7.3-1]
  // Wildcards [MQTT-3.3.2-2] are left to the hub: device ids may hold '+' and '#', and its topics are told apart by
  // prefix.
  publish.topic = *topic;
  if (publish.qos > 0) {
    const auto id = reader.packet_id();
    if (!id) return std::nullopt;
    publish.packet_id = *id;
  }
  publish.payload = reader.rest();
  return publish;
}

std::optional<std::uint16_t> decode_subscribe(std::string_view body, std::vector<SubscribeEntry>& entries) {
  entries.clear();
  Reader reader(body);
  const auto id = reader.packet_id();
  if (!id) return std::nullopt;
  while (!reader.at_end()) {
    const auto filter = reader.string();
    const auto qos = reader.byte();
    if (!filter || filter->empty() || !qos || *qos > 2) return std::nullopt;  // [MQTT-3.8.3-1], [MQTT-3-8.3-4]
    entries.push_back({*filter, *qos});
  }
  if (entries.empty()) return std::nullopt;  // [MQTT-3.8.3-3]
  return id;
}

std::optional<std::uint16_t> decode_unsubscribe(std::string_view body, std::vector<std::string_view>& filters) {
  filters.clear();
  Reader reader(body);
  const auto id = reader.packet_id();
  if (!id) return std::nullopt;
  while (!reader.at_end()) {
    const auto filter = reader.string();
    if (!filter || filter->empty()) return std::nullopt;  // [MQTT-3.10.3-1]
    filters.push_back(*filter);
  }
  if (filters.empty()) return std::nullopt;  // [MQTT-3.10.3-2]
  return id;
}

std::optional<std::uint16_t> decode_puback(std::string_view body) {
  Reader reader(body);
  const auto id = reader.packet_id();
  if (!id || !reader.at_end()) return std::nullopt;
  return id;
}

}  // namespace twinhub::mqtt
