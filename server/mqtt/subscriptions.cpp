// SUBSCRIBE and UNSUBSCRIBE. With clean session 0 the filters are kept by identity, over reconnects and restarts: SDKs
// renew their tokens by reconnecting and do not subscribe again.
#include "protocol/mqtt/encode.hpp"
#include "server/mqtt/connection.hpp"
#include "server/mqtt/door_lane.hpp"
#include "server/mqtt/when_done.hpp"

#include <algorithm>

namespace twinhub::mqtt_door {
namespace {

constexpr std::uint8_t bit_of(iothub::FilterKind kind) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
}

}  // namespace

void Connection::on_subscribe(std::uint16_t packet_id, std::span<const mqtt::SubscribeEntry> entries) {
  lane_.counters.packets_received.fetch_add(1, std::memory_order_relaxed);
  if (was_taken_over()) return close(CloseReason::taken_over);
  std::vector<std::uint8_t> codes;
  codes.reserve(entries.size());
  bool changed = false;
  for (const mqtt::SubscribeEntry& entry : entries) codes.push_back(add_subscription(entry, changed));
  // Active from here on, before SUBACK: no delta may fall between it and the twin that the client reads next.
  note_filters();
  announce_methods();
  if (has_filter(iothub::FilterKind::cloud_to_device)) lane_.hub().presence.used(device_->login.id);
  keep_session(changed, [packet_id, codes = std::move(codes)](Connection& self) {
    mqtt::append_suback(self.out_, packet_id, codes);
    self.wrote();
    self.deliver_messages();
  });
}

void Connection::on_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters) {
  lane_.counters.packets_received.fetch_add(1, std::memory_order_relaxed);
  if (was_taken_over()) return close(CloseReason::taken_over);
  auto& subscriptions = device_->subscriptions;
  const auto removed = std::erase_if(subscriptions, [&](const storage::Subscription& subscription) {
    return std::find(filters.begin(), filters.end(), subscription.filter) != filters.end();
  });
  note_filters();
  const auto answer = [packet_id](Connection& self) {
    mqtt::append_unsuback(self.out_, packet_id);  // [MQTT-3.10.4-5]: an unknown filter is answered too
    self.wrote();
  };
  if (removed == 0) return answer(*this);
  keep_session(true, answer);
}

/// The session is the newer connection's then, though word of it has not come here yet: what this one still has in its
/// socket must not be written over what the newer one keeps.
bool Connection::was_taken_over() { return !lane_.table().is_current(device_->login.id, handle()); }

std::uint8_t Connection::add_subscription(const mqtt::SubscribeEntry& entry, bool& changed) {
  auto& subscriptions = device_->subscriptions;
  if (!iothub::parse_topic_filter(entry.filter, device_->login.id)) return mqtt::suback_failure;
  const auto granted = std::min<std::uint8_t>(entry.requested_qos, 1);
  const auto same = std::find_if(subscriptions.begin(), subscriptions.end(),
                                 [&](const storage::Subscription& known) { return known.filter == entry.filter; });
  if (same != subscriptions.end()) {
    changed = changed || same->qos != granted;
    same->qos = granted;
    return granted;
  }
  if (subscriptions.size() >= lane_.options().subscriptions_max) return mqtt::suback_failure;
  subscriptions.push_back({std::string(entry.filter), granted});
  changed = true;
  return granted;
}

void Connection::note_filters() {
  device_->filter_kinds = 0;
  for (const storage::Subscription& subscription : device_->subscriptions) {
    if (const auto kind = iothub::parse_topic_filter(subscription.filter, device_->login.id)) {
      device_->filter_kinds = static_cast<std::uint8_t>(device_->filter_kinds | bit_of(*kind));
    }
  }
}

bool Connection::has_filter(iothub::FilterKind kind) const {
  return device_ && (device_->filter_kinds & bit_of(kind)) != 0;
}

void Connection::keep_session(bool changed, std::function<void(Connection&)> answer) {
  if (device_->clean_session) return answer(*this);
  auto done = when_done<void>([answer = std::move(answer)](Connection& self, const Result<void>& kept) {
    if (!kept) return self.close(CloseReason::store_failed);
    answer(self);
  });
  storage::Store& store = lane_.hub().store;
  if (!changed && !device_->session_owed) return store.when_durable(device_->kept_with, std::move(done));
  lane_.hub().presence.write_down();  // this connection's beginning, most likely: one sync for both
  const storage::Session session{device_->subscriptions, lane_.hub().session_expiry.stamp()};
  const auto queued = store.put_session(device_->login.id, &session, std::move(done));
  if (!queued) return close(CloseReason::store_failed);
  device_->session_owed = false;
  device_->kept_with = *queued;
}

}  // namespace twinhub::mqtt_door
