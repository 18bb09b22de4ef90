// SUBSCRIBE and UNSUBSCRIBE. With clean session 0 the filters are kept by identity, over reconnects and restarts: SDKs
// renew their tokens by reconnecting and do not subscribe again.
#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"
#include "server/mqtt/hub_device.hpp"
#include "server/mqtt/when_done.hpp"

#include <algorithm>

namespace twinhub::mqtt_door {
namespace {

constexpr std::uint8_t bit_of(iothub::FilterKind kind) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
}

}  // namespace

/// [MQTT-4.7.1-2], [MQTT-4.7.1-3]: a filter that is none ends the connection; 0x80 is for those that IoT Hub has not.
bool HubDevice::is_topic_filter(std::string_view filter) const {
  const std::string_view rest = iothub::filter_behind_own_ids(filter, login_.id);
  return mqtt::is_topic_filter(rest) || (rest.empty() && !filter.empty());
}

void HubDevice::refuse_filters() {
  lane().counters.protocol_faults.fetch_add(1, std::memory_order_relaxed);
  connection_.close(CloseReason::protocol_fault,
                    "A topic filter with '#' or '+' beside other characters, or '#' before the end.");
}

void HubDevice::on_subscribe(std::uint16_t packet_id, std::span<const mqtt::SubscribeEntry> entries) {
  if (was_taken_over()) return connection_.close(CloseReason::taken_over);
  if (!std::all_of(entries.begin(), entries.end(), [this](const auto& entry) { return is_topic_filter(entry.filter); }))
    return refuse_filters();
  std::vector<std::uint8_t> codes;
  codes.reserve(entries.size());
  bool changed = false;
  for (const mqtt::SubscribeEntry& entry : entries) codes.push_back(add_subscription(entry, changed));
  // Active from here on, before SUBACK: no delta may fall between it and the twin that the client reads next.
  note_filters();
  announce_methods();
  if (has_filter(iothub::FilterKind::cloud_to_device)) hub().presence.used(login_.id);
  keep_session(changed, [packet_id, codes = std::move(codes)](HubDevice& self) {
    mqtt::append_suback(self.connection_.out(), packet_id, codes);
    self.connection_.wrote();
    self.deliver_messages();
  });
}

void HubDevice::on_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters) {
  if (was_taken_over()) return connection_.close(CloseReason::taken_over);
  if (!std::all_of(filters.begin(), filters.end(), [this](std::string_view filter) { return is_topic_filter(filter); }))
    return refuse_filters();
  auto& subscriptions = subscriptions_;
  const auto removed = std::erase_if(subscriptions, [&](const storage::Subscription& subscription) {
    return std::find(filters.begin(), filters.end(), subscription.filter) != filters.end();
  });
  note_filters();
  const auto answer = [packet_id](HubDevice& self) {
    mqtt::append_unsuback(self.connection_.out(), packet_id);  // [MQTT-3.10.4-5]: an unknown filter is answered too
    self.connection_.wrote();
  };
  if (removed == 0) return answer(*this);
  keep_session(true, answer);
}

/// The session is the newer connection's then, though this connection has not been closed yet: packets that are still
/// in its socket must not be written over what the newer one keeps.
bool HubDevice::was_taken_over() const { return !lane().entrance().is_current(login_.id, handle()); }

std::uint8_t HubDevice::add_subscription(const mqtt::SubscribeEntry& entry, bool& changed) {
  auto& subscriptions = subscriptions_;
  if (!iothub::parse_topic_filter(entry.filter, login_.id)) return mqtt::suback_failure;
  const auto granted = std::min<std::uint8_t>(entry.requested_qos, 1);
  const auto same = std::find_if(subscriptions.begin(), subscriptions.end(),
                                 [&](const storage::Subscription& known) { return known.filter == entry.filter; });
  if (same != subscriptions.end()) {
    changed = changed || same->qos != granted;
    same->qos = granted;
    return granted;
  }
  if (subscriptions.size() >= lane().options().subscriptions_max) return mqtt::suback_failure;
  subscriptions.push_back({std::string(entry.filter), granted});
  changed = true;
  return granted;
}

void HubDevice::note_filters() {
  filter_kinds_ = 0;
  for (const storage::Subscription& subscription : subscriptions_) {
    if (const auto kind = iothub::parse_topic_filter(subscription.filter, login_.id)) {
      filter_kinds_ = static_cast<std::uint8_t>(filter_kinds_ | bit_of(*kind));
    }
  }
}

bool HubDevice::has_filter(iothub::FilterKind kind) const { return (filter_kinds_ & bit_of(kind)) != 0; }

}  // namespace twinhub::mqtt_door
