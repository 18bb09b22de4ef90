#include "server/mqtt/connection.hpp"

#include "protocol/mqtt/encode.hpp"
#include "server/mqtt/door_lane.hpp"
#include "server/net/admission.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

namespace twinhub::mqtt_door {
namespace {

std::string_view words_of(std::optional<mqtt::Fault> fault) {
  switch (fault.value_or(mqtt::Fault::malformed_packet)) {
    case mqtt::Fault::malformed_packet:
      return "Bytes that are no MQTT 3.1.1 packet.";
    case mqtt::Fault::protocol_violation:
      return "A packet that may not come then, or at all.";
    case mqtt::Fault::packet_too_large:
      return "A packet that is larger than the hub takes.";
    case mqtt::Fault::qos_not_supported:
      return "A PUBLISH of QoS 2.";
    case mqtt::Fault::unsupported_version:
      break;
  }
  return "";
}

}  // namespace

// An idle device costs this, its HubDevice (hub_device.cpp) and a socket. jemalloc's size class is 160 bytes.
static_assert(sizeof(Connection) <= 160);

Connection::Connection(DoorLane& lane, std::uint64_t id, std::unique_ptr<wire::Transport> transport)
    : Pump(lane, id, std::move(transport)), session_(lane.options().packet_bytes_max) {}

Connection::~Connection() = default;

DoorLane& Connection::lane() const { return static_cast<DoorLane&>(lane_); }

bool Connection::receive(std::string_view bytes) {
  const auto fault = session_.receive(bytes, *this, out());
  if (closed()) return false;
  if (!fault) return client_ != nullptr || bound_stranger();
  return break_off(fault);
}

/// What has come of a CONNECT counts in the strangers' budget, and too much of it ends the connection.
bool Connection::bound_stranger() {
  const std::size_t kept = session_.kept_bytes();
  if (kept > lane().options().connect_bytes_max) return break_off(mqtt::Fault::packet_too_large);
  if (net::Place* const place = transport().place(); place != nullptr && kept > 0) place->hold(session_.kept_memory());
  return true;
}

bool Connection::break_off(std::optional<mqtt::Fault> fault) {
  lane().counters.protocol_faults.fetch_add(1, std::memory_order_relaxed);
  const bool is_told = fault == mqtt::Fault::unsupported_version;
  close(is_told ? CloseReason::refused : CloseReason::protocol_fault, words_of(fault));
  return false;
}

void Connection::on_publish(const mqtt::Publish& publish) {
  lane().counters.packets_received.fetch_add(1, std::memory_order_relaxed);
  client_->on_publish(publish);
}

void Connection::on_subscribe(std::uint16_t packet_id, std::span<const mqtt::SubscribeEntry> entries) {
  lane().counters.packets_received.fetch_add(1, std::memory_order_relaxed);
  client_->on_subscribe(packet_id, entries);
}

void Connection::on_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters) {
  lane().counters.packets_received.fetch_add(1, std::memory_order_relaxed);
  client_->on_unsubscribe(packet_id, filters);
}

void Connection::on_puback(std::uint16_t packet_id) { client_->on_puback(packet_id); }

void Connection::on_other_version(std::uint8_t level, std::string_view client_id) {
  const bool is_5 = level == 5;
  transport().note({.stage = notices::Stage::connect,
                    .reason = Reason::mqtt_version,
                    .id = client_id,
                    .code = is_5 ? "CONNACK 132" : "CONNACK 1",
                    .detail = is_5 ? "It speaks MQTT 5." : "It speaks MQTT of level " + std::to_string(level) + '.',
                    .protocol = protocol});
}

void Connection::on_disconnect() { close(CloseReason::disconnect); }

void Connection::all_written() {
  if (client_) client_->all_written();
}

std::size_t Connection::unanswered() const {
  return std::max<std::size_t>(in_flight(), acks_ ? acks_->waiting.size() : 0);
}

void Connection::send_publish(std::string_view topic, std::string_view payload) {
  if (closed()) return;
  // Twin answers, deltas and methods go out at QoS 0, whatever was granted: the cloud does so.
  mqtt::append_publish(out(), {.topic = topic, .payload = payload});
  lane().counters.publishes_sent.fetch_add(1, std::memory_order_relaxed);
  wrote();
}

void Connection::close_for(Cause cause) {
  close(cause == Cause::peer_closed   ? CloseReason::peer_closed
        : cause == Cause::slow_reader ? CloseReason::slow_reader
                                      : CloseReason::shutting_down);
}

void Connection::close(CloseReason reason, std::string_view detail) {
  if (closed()) return;
  note_end(reason, detail);
  // A last answer (a refused CONNECT's return code) leaves if the transport takes it at once.
  const bool may_answer = reason != CloseReason::slow_reader && reason != CloseReason::cut;
  const bool was_just_answered = end(reason == CloseReason::cut           ? Goodbye::cut
                                     : reason == CloseReason::peer_closed ? Goodbye::none
                                                                          : Goodbye::polite,
                                     may_answer);
  session_.close();
  if (client_) client_->left(reason);
  lane().bury(*this, was_just_answered);
}

wire::Clock::time_point Connection::keep_alive_deadline() const {
  // [MQTT-3.1.2-24]: one and a half times the keep alive; IoT Hub caps it, and gives the cap to a keep alive of 0.
  const auto cap = std::chrono::duration_cast<std::chrono::milliseconds>(lane().options().keep_alive_max);
  const auto wanted = std::chrono::milliseconds(keep_alive_seconds_ * 1500);
  return last_received() + (keep_alive_seconds_ == 0 ? cap : std::min(wanted, cap));
}

void Connection::deadline_reached() {
  if (!client_) {
    return close(CloseReason::timed_out, "No CONNECT came in time.");
  }
  const auto now = lane().now();
  const auto login = client_->login_deadline();
  if (now >= login) return close(CloseReason::token_expired);
  if (is_held_back()) return look_again(now + std::chrono::seconds(1));
  const auto keep_alive = keep_alive_deadline();
  if (now >= keep_alive)
    return close(CloseReason::timed_out, "Its keep alive is " + std::to_string(keep_alive_seconds_) + " s.");
  look_again(std::min(keep_alive, login));
}

Connection::AckNumber Connection::expect_ack(std::uint16_t packet_id) {
  if (!acks_) acks_ = std::make_unique<PendingAcks>();
  acks_->waiting.push_back({packet_id, false});
  const AckNumber number = acks_->oldest + acks_->waiting.size() - 1;
  if (!is_paused() && unanswered() >= lane().options().in_flight_max) update_interest();
  return number;
}

void Connection::acknowledge(AckNumber number) {
  if (closed() || !acks_) return;
  assert(number >= acks_->oldest && number - acks_->oldest < acks_->waiting.size());
  acks_->waiting[number - acks_->oldest].due = true;
  bool sent = false;
  while (!acks_->waiting.empty() && acks_->waiting.front().due) {
    mqtt::append_puback(out(), acks_->waiting.front().packet_id);
    acks_->waiting.pop_front();
    ++acks_->oldest;
    sent = true;
  }
  if (acks_->waiting.empty()) acks_.reset();
  if (sent) wrote();
}

void Connection::drop_last_ack() {
  assert(acks_ && !acks_->waiting.empty());
  acks_->waiting.pop_back();
  if (acks_->waiting.empty()) acks_.reset();
}

}  // namespace twinhub::mqtt_door
