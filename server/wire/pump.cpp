#include "server/wire/pump.hpp"

#include "server/wire/pump_lane.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace twinhub::wire {
namespace {

constexpr int reads_per_wake_up = 8;  // then the neighbours have their turn

}  // namespace

Pump::Pump(PumpLane& lane, std::uint64_t id, std::unique_ptr<Transport> transport)
    : lane_(lane), id_(id), transport_(std::move(transport)), last_received_(lane.now()) {}

Pump::~Pump() = default;

bool Pump::start() {
  look_again(lane_.now() + lane_.limits().login_timeout);
  return transport_->start(lane_.poller(), *this);
}

void Pump::ready(bool readable, bool writable, bool hung_up) {
  if (closed_) return;
  if (hung_up && !readable) return close_for(Cause::peer_closed);
  if (hung_up && (paused_ || stopping_)) return close_for(Cause::peer_closed);  // no peer is left to hear the answers
  if (!transport_->handshaken()) {
    const auto outcome = transport_->handshake();
    if (outcome == Transport::Outcome::closed) return close_for(Cause::peer_closed);
    if (outcome == Transport::Outcome::would_block) return update_interest();
    update_interest();
  }
  if (writable && has_output()) flush();
  if (readable && !closed_) read();
}

void Pump::read() {
  if (closed_ || paused_ || stopping_ || !transport_->handshaken()) return;
  if (kept_bytes() > 0 && !feed({})) return;  // what a pause has left
  auto& scratch = lane_.scratch();
  for (int i = 0; i < reads_per_wake_up; ++i) {
    std::size_t size = 0;
    const auto outcome = transport_->read(scratch.data(), scratch.size(), size);
    if (outcome == Transport::Outcome::would_block) return update_interest();
    if (outcome == Transport::Outcome::closed) return close_for(Cause::peer_closed);
    if (size > 0) {
      note_received(size);
      has_received_ = true;
      if (!feed({scratch.data(), size})) return;
    }
    if (size < scratch.size() && !transport_->has_pending())
      return size == 0 || transport_->has_unsent() ? update_interest() : void();
  }
  if (transport_->has_pending()) lane_.read_later(*this);
}

/// Reads the clock: the lane's time may be a second old.
void Pump::note_received(std::size_t bytes) {
  const auto now = Clock::now();
  lane_.counts.bytes.received.add(bytes);
  const ByteRate& rate = lane_.limits().received;
  if (rate.limits()) {
    received_level_ = ByteRate::filled(rate.leaked(received_level_, now - last_received_), bytes);
    if (rate.is_over(received_level_) && !over_rate_) hold_back();
  }
  last_received_ = now;
}

/// The kernel's buffers fill, then the peer's: TCP tells it to send more slowly. What it has sent already is still
/// served, and answers leave.
void Pump::hold_back() {
  if (stopping_) return;
  over_rate_ = true;
  lane_.counts.held_back.fetch_add(1, std::memory_order_relaxed);
  lane_.run_after(lane_.limits().received.wait(received_level_), [&lane = lane_, id = id_] {
    if (Pump* pump = lane.find(id)) pump->let_go_on();
  });
}

void Pump::let_go_on() {
  if (closed_) return;
  over_rate_ = false;
  note_received(0);
  update_interest();
}

/// False when no more bytes are wanted now.
bool Pump::feed(std::string_view bytes) {
  if (!receive(bytes)) return false;
  assert(!closed_);
  if (!out_.empty()) wrote();
  update_interest();
  return !closed_ && !paused_;
}

/// The bytes in `out_` leave at the end of the wake-up, or now when they are many. A peer that does not take them is
/// held back, then closed.
void Pump::wrote() {
  if (closed_) return;
  if (out_.size() > lane_.limits().output_bytes_pause && !write_interest_) flush();
  if (out_.size() > lane_.limits().output_bytes_pause && !paused_) update_interest();
  if (closed_ || out_.empty()) return;
  if (out_.size() > lane_.limits().output_bytes_max) {
    lane_.counts.slow_readers_closed.fetch_add(1, std::memory_order_relaxed);
    return close_for(Cause::slow_reader);
  }
  if (!flush_queued_ && !write_interest_) {
    flush_queued_ = true;
    lane_.flush_later(*this);
  }
}

void Pump::will_write() {
  if (closed_ || flush_queued_ || write_interest_) return;
  flush_queued_ = true;
  lane_.flush_later(*this);
}

void Pump::flush() {
  flush_queued_ = false;
  if (closed_ || asleep_) return;
  before_flush();
  if (closed_) return;
  std::size_t written = 0;
  const auto outcome = transport_->write(out_, written);
  lane_.counts.bytes.sent.add(written);
  if (outcome == Transport::Outcome::closed) return close_for(Cause::peer_closed);
  if (written == out_.size()) {
    std::string().swap(out_);
    if (outcome == Transport::Outcome::would_block) return update_interest();
    update_interest();  // the transport has room: what all_written() has to send is flushed without waiting for it
    all_written();
    if (closed_) return;
    if (stopping_ && in_flight_ == 0) return close_for(Cause::stopped);
  } else {
    out_.erase(0, written);
  }
  update_interest();
}

/// Tells the transport what this connection waits for, and reads on when a pause is over.
void Pump::update_interest() {
  if (closed_) return;
  const auto in_flight_max = lane_.limits().in_flight_max;
  const bool was_paused = paused_;
  if (paused_) {
    paused_ = asleep_ || over_rate_ || unanswered() > in_flight_max / 2 || has_much_in_flight(2) ||
              out_.size() > lane_.limits().output_bytes_pause / 2;
  } else {
    paused_ = asleep_ || over_rate_ || unanswered() >= in_flight_max || has_much_in_flight(1) ||
              out_.size() > lane_.limits().output_bytes_pause;
  }
  const bool want_read = !paused_ && !stopping_ && (transport_->handshaken() || !transport_->wants_write());
  const bool want_write =
      transport_->handshaken() ? has_output() && !flush_queued_ && !asleep_ : transport_->wants_write();
  if (want_read != reading_ || want_write != write_interest_) {
    reading_ = want_read;
    write_interest_ = want_write;
    transport_->want(lane_.poller(), *this, want_read, want_write);
  }
  if (paused_ == was_paused) return;
  hold(paused_);
  if (paused_) return;
  note_received(0);  // the peer was not listened to
  if (transport_->has_pending() || kept_bytes() > 0) lane_.read_later(*this);
}

bool Pump::has_output() const { return !out_.empty() || transport_->has_unsent(); }

/// At least the bound's half, or third, ...: a single request is let in whatever its size.
bool Pump::has_much_in_flight(std::size_t share) const {
  return in_flight_bytes_ > 0 && in_flight_bytes_ >= lane_.limits().in_flight_bytes_max / share;
}

void Pump::request_began(std::uint32_t bytes, std::uint32_t count) {
  in_flight_bytes_ += bytes;
  in_flight_ += count;
  if (!paused_ && (in_flight_ >= lane_.limits().in_flight_max || has_much_in_flight(1))) update_interest();
}

void Pump::request_ended(std::uint32_t bytes, std::uint32_t count) {
  assert(in_flight_ >= count && in_flight_bytes_ >= bytes);
  in_flight_ -= count;
  in_flight_bytes_ -= bytes;
  if (stopping_ && in_flight_ == 0 && !has_output()) return close_for(Cause::stopped);
  if (paused_) update_interest();
}

void Pump::sleep(std::chrono::microseconds time) {
  if (time.count() == 0 || stopping_) return;
  asleep_ = true;
  update_interest();
  lane_.run_after(time, [&lane = lane_, id = id_] {
    if (Pump* pump = lane.find(id)) pump->wake();
  });
}

void Pump::wake() {
  if (closed_ || !asleep_) return;
  asleep_ = false;
  note_received(0);  // the peer was not listened to
  update_interest();
  if (!out_.empty()) wrote();
  will_write();
}

bool Pump::end(Goodbye goodbye, bool may_answer) {
  assert(!closed_);
  std::size_t last_written = 0;
  if (may_answer && !out_.empty() && transport_->handshaken()) (void)transport_->write(out_, last_written);
  lane_.counts.bytes.sent.add(last_written);
  closed_ = true;
  transport_->stop(lane_.poller());
  if (goodbye == Goodbye::cut) {
    transport_->cut();
  } else if (goodbye == Goodbye::polite) {
    transport_->shut_down();
  }
  return last_written > 0 || transport_->lingers();
}

void Pump::stop_when_answered() {
  stopping_ = true;
  wake();
  if (closed_) return;
  if (in_flight_ == 0 && !has_output()) return close_for(Cause::stopped);
  update_interest();
}

void Pump::stop_now() {
  if (!closed_) close_for(Cause::stopped);
}

bool Pump::is_held_back() const {
  return asleep_ || over_rate_ ||
         (paused_ && (unanswered() > lane_.limits().in_flight_max / 2 || has_much_in_flight(2)));
}

void Pump::look_again(Clock::time_point when) {
  // A deadline beyond the wheel's turn is looked at again before the wheel has turned.
  next_look_ = std::min(when, lane_.now() + TimerWheel::reach);
  lane_.schedule(id_, next_look_);
}

void Pump::check_deadline() {
  if (!closed_ && lane_.now() >= next_look_) deadline_reached();
}

}  // namespace twinhub::wire
