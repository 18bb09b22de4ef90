#include "server/mqtt/connection.hpp"

#include "protocol/mqtt/encode.hpp"
#include "server/mqtt/door_lane.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <utility>

namespace twinhub::mqtt_door {
namespace {

constexpr int reads_per_wake_up = 8;  // then the neighbours have their turn
constexpr std::size_t unsent_bytes_pause = 64 * 1024;

}  // namespace

Connection::Connection(DoorLane& lane, std::uint64_t id, std::unique_ptr<Transport> transport)
    : lane_(lane),
      id_(id),
      transport_(std::move(transport)),
      session_(lane.options().packet_bytes_max),
      last_received_(lane.now()) {}

Connection::~Connection() = default;

bool Connection::start() {
  look_again(lane_.now() + lane_.options().connect_timeout);
  return transport_->start(lane_.poller(), *this);
}

void Connection::ready(bool readable, bool writable, bool hung_up) {
  if (closed_) return;
  if (hung_up && !readable) return close(CloseReason::peer_closed);
  if (hung_up && (paused_ || stopping_)) return close(CloseReason::peer_closed);  // nobody is left to hear the answers
  if (!transport_->handshaken()) {
    const auto outcome = transport_->handshake();
    if (outcome == Transport::Outcome::closed) return close(CloseReason::peer_closed);
    if (outcome == Transport::Outcome::would_block) return update_interest();
    update_interest();
  }
  if (writable && !out_.empty()) flush();
  if (readable && !closed_) read();
}

void Connection::read() {
  if (closed_ || paused_ || stopping_ || !transport_->handshaken()) return;
  if (session_.kept_bytes() > 0 && !feed({})) return;  // what a pause has left
  auto& scratch = lane_.scratch();
  for (int i = 0; i < reads_per_wake_up; ++i) {
    std::size_t size = 0;
    const auto outcome = transport_->read(scratch.data(), scratch.size(), size);
    if (outcome == Transport::Outcome::would_block) return update_interest();
    if (outcome == Transport::Outcome::closed) return close(CloseReason::peer_closed);
    last_received_ = Clock::now();  // the lane's time may be a second old
    if (!feed({scratch.data(), size})) return;
    if (size < scratch.size() && !transport_->has_pending()) return;
  }
  if (transport_->has_pending()) lane_.read_later(*this);
}

bool Connection::feed(std::string_view bytes) {
  const auto fault = session_.receive(bytes, *this, out_);
  if (closed_) return false;
  if (fault) {
    lane_.counters.protocol_faults.fetch_add(1, std::memory_order_relaxed);
    close(CloseReason::protocol_fault);
    return false;
  }
  if (!out_.empty()) wrote();
  update_interest();
  return !closed_ && !paused_;
}

/// Bytes were appended to `out_`: they leave at the end of the wake-up, or now when they are many. A peer that does not
/// take them is held back, then closed.
void Connection::wrote() {
  if (closed_) return;
  if (out_.size() > unsent_bytes_pause && !write_interest_) flush();
  if (out_.size() > unsent_bytes_pause && !paused_) update_interest();
  if (closed_ || out_.empty()) return;
  if (out_.size() > lane_.options().output_bytes_max) {
    lane_.counters.slow_readers_closed.fetch_add(1, std::memory_order_relaxed);
    return close(CloseReason::slow_reader);
  }
  if (!flush_queued_ && !write_interest_) {
    flush_queued_ = true;
    lane_.flush_later(*this);
  }
}

void Connection::flush() {
  flush_queued_ = false;
  if (closed_ || asleep_) return;
  std::size_t written = 0;
  const auto outcome = transport_->write(out_, written);
  if (outcome == Transport::Outcome::closed) return close(CloseReason::peer_closed);
  if (written == out_.size()) {
    std::string().swap(out_);
    if (deliveries_) messages_written();
    if (closed_) return;
    if (stopping_ && in_flight_ == 0) return close(CloseReason::shutting_down);
  } else {
    out_.erase(0, written);
  }
  update_interest();
}

/// Tells the transport what this connection waits for, and reads on when a pause is over.
void Connection::update_interest() {
  if (closed_) return;
  const auto in_flight_max = lane_.options().in_flight_max;
  const bool was_paused = paused_;
  if (paused_) {
    paused_ = asleep_ || owed() > in_flight_max / 2 || out_.size() > unsent_bytes_pause / 2;
  } else {
    paused_ = asleep_ || owed() >= in_flight_max || out_.size() > unsent_bytes_pause;
  }
  const bool want_read = !paused_ && !stopping_ && (transport_->handshaken() || !transport_->wants_write());
  const bool want_write =
      transport_->handshaken() ? !out_.empty() && !flush_queued_ && !asleep_ : transport_->wants_write();
  if (want_read != reading_ || want_write != write_interest_) {
    reading_ = want_read;
    write_interest_ = want_write;
    transport_->want(lane_.poller(), *this, want_read, want_write);
  }
  session_.hold(paused_);
  if (was_paused && !paused_) last_received_ = Clock::now();  // it was not listened to
  if (was_paused && !paused_ && (transport_->has_pending() || session_.kept_bytes() > 0)) lane_.read_later(*this);
}

std::size_t Connection::owed() const { return std::max<std::size_t>(in_flight_, acks_ ? acks_->waiting.size() : 0); }

void Connection::request_began() {
  if (++in_flight_ >= lane_.options().in_flight_max && !paused_) update_interest();
}

void Connection::request_ended() {
  --in_flight_;
  if (stopping_ && in_flight_ == 0 && out_.empty()) return close(CloseReason::shutting_down);
  if (paused_) update_interest();
}

void Connection::send_publish(std::string_view topic, std::string_view payload) {
  if (closed_) return;
  // Twin answers, deltas and methods go out at QoS 0, whatever was granted: the cloud does so.
  mqtt::append_publish(out_, {.topic = topic, .payload = payload});
  lane_.counters.publishes_sent.fetch_add(1, std::memory_order_relaxed);
  wrote();
}

void Connection::close(CloseReason reason) {
  if (closed_) return;
  // A last answer (a refused CONNECT's return code) leaves if the transport takes it at once.
  std::size_t last_written = 0;
  const bool may_answer = reason != CloseReason::slow_reader && reason != CloseReason::cut;
  if (may_answer && !out_.empty() && transport_->handshaken()) (void)transport_->write(out_, last_written);
  closed_ = true;
  session_.close();
  transport_->stop(lane_.poller());
  if (reason == CloseReason::cut) {
    transport_->cut();
  } else if (reason != CloseReason::peer_closed) {
    transport_->shut_down();
  }
  if (device_) leave(reason);
  lane_.bury(*this, last_written > 0);
}

void Connection::stop_when_answered() {
  stopping_ = true;
  wake();
  if (!device_ || (in_flight_ == 0 && out_.empty())) return close(CloseReason::shutting_down);
  update_interest();
}

Clock::time_point Connection::keep_alive_deadline() const {
  // [MQTT-3.1.2-24]: one and a half times the keep alive; IoT Hub caps it, and gives the cap to a keep alive of 0.
  const auto cap = std::chrono::duration_cast<std::chrono::milliseconds>(lane_.options().keep_alive_max);
  const auto wanted = std::chrono::milliseconds(keep_alive_seconds_ * 1500);
  return last_received_ + (keep_alive_seconds_ == 0 ? cap : std::min(wanted, cap));
}

Clock::time_point Connection::token_deadline() const {
  const auto grace = static_cast<std::uint64_t>(lane_.options().token_expiry_grace.count());
  const std::uint64_t now_unix = (lane_.hub().clock.now().ticks - unix_epoch_ticks) / ticks_per_second;
  const std::uint64_t expires = device_->login.expires_at;
  if (expires <= now_unix && now_unix - expires >= grace) return Clock::time_point::min();
  constexpr std::uint64_t hour = 3600;  // some tokens live until the end of time; by then this has been asked again
  const std::uint64_t seconds_left =
      expires > now_unix ? std::min(expires - now_unix, hour) + grace : grace - (now_unix - expires);
  return lane_.now() + std::chrono::seconds(seconds_left);
}

void Connection::look_again(Clock::time_point when) {
  // A deadline beyond the wheel's turn is looked at again before the wheel has turned.
  next_look_ = std::min(when, lane_.now() + TimerWheel::reach);
  lane_.schedule(id_, next_look_);
}

void Connection::check_deadline() {
  if (closed_ || lane_.now() < next_look_) return;
  if (!device_) return close(CloseReason::timed_out);
  const auto token = token_deadline();
  if (lane_.now() >= token) return close(CloseReason::token_expired);
  // Who is not listened to, because it is held back or because the disk is slow, cannot show that it is alive.
  const bool is_held_back = asleep_ || (paused_ && owed() > lane_.options().in_flight_max / 2);
  if (is_held_back) return look_again(lane_.now() + std::chrono::seconds(1));
  const auto keep_alive = keep_alive_deadline();
  if (lane_.now() >= keep_alive) return close(CloseReason::timed_out);
  look_again(std::min(keep_alive, token));
}

void Connection::on_disconnect() { close(CloseReason::disconnect); }

}  // namespace twinhub::mqtt_door
