// One connection's bytes, of no particular protocol: reads, writes and their order, back-pressure both ways, the moment
// at which the connection is to be looked at again, and its end. A protocol derives from this and is handed the bytes.
//
//   transport --ready()--> read() --receive()--> the protocol --> out(), wrote()
//   end of the lane's wake-up --> flush() --> transport
//
// A peer that does not read is held back (its bytes are not read either), then closed; one whose requests wait for the
// hub is held back too, by their number or their bytes, and one that sends more bytes a second than it may.
#pragma once

#include "server/base/byte_rate.hpp"
#include "server/wire/linger.hpp"
#include "server/wire/poller.hpp"
#include "server/wire/timer_wheel.hpp"
#include "server/wire/transport.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace twinhub::wire {

class PumpLane;

/// Bounds of one connection.
struct PumpLimits {
  std::size_t output_bytes_max = 1 << 20;        ///< a peer that does not read is closed past this
  std::size_t output_bytes_pause = 64 * 1024;    ///< and is not read past this
  std::size_t in_flight_max = 64;                ///< requests that wait for the hub; then the connection is not read
  std::size_t in_flight_bytes_max = 512 * 1024;  ///< of those requests, likewise
  ByteRate received;                       ///< what the peer may send; past it the connection is not read for a while
  std::chrono::seconds login_timeout{30};  ///< from accept to the first deadline, TLS handshake included
  LingerLimits linger = {};
};

/// One thread: its lane's.
class Pump : public Pollable {
 public:
  Pump(PumpLane& lane, std::uint64_t id, std::unique_ptr<Transport> transport);
  ~Pump() override;

  /// False when the kernel refuses: the connection is to be dropped.
  [[nodiscard]] bool start();
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] bool closed() const { return closed_; }
  /// The hub stops: nothing more is read, and the connection ends once its answers have left.
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] Transport& transport() const { return *transport_; }

  // The lane's calls
  void ready(bool readable, bool writable, bool hung_up) override;
  void read();
  void flush();
  void check_deadline();
  void stop_when_answered();
  void stop_now();

  // The protocol's calls, and those of what stands on it
  /// Bytes to send: append to them, then call wrote(), which may close the connection.
  [[nodiscard]] std::string& out() { return out_; }
  void wrote();
  /// There will be bytes to send at the end of this wake-up: see before_flush().
  void will_write();
  /// A request of `bytes` waits for the hub; request_ended() follows with the same bytes, unless the connection is
  /// closed by then.
  void request_began(std::uint32_t bytes = 0, std::uint32_t count = 1);
  void request_ended(std::uint32_t bytes = 0, std::uint32_t count = 1);
  /// Looks again at what holds the connection back: after unanswered() has grown or shrunk.
  void update_interest();
  /// Neither reads nor writes for `time`.
  void sleep(std::chrono::microseconds time);
  /// When bytes of the peer came last, or a pause of the connection was over.
  [[nodiscard]] Clock::time_point last_received() const { return last_received_; }
  /// How much the peer has sent lately: see ByteRate.
  [[nodiscard]] ByteRate::Level received_level() const { return received_level_; }
  /// What the peer has sent on connections before this one counts.
  void add_received(ByteRate::Level level) { received_level_ = ByteRate::filled(received_level_, level); }
  /// Part of it was another's, which is not on this connection any more.
  void take_received(ByteRate::Level level) { received_level_ -= std::min(received_level_, level); }
  /// Has deadline_reached() called at `when`; what was asked for before is forgotten.
  void look_again(Clock::time_point when);

 protected:
  /// Why the pump itself wants the connection closed.
  enum class Cause : std::uint8_t { peer_closed, slow_reader, stopped };
  /// How the peer is left.
  enum class Goodbye : std::uint8_t {
    polite,
    none,  ///< the peer is gone
    cut,   ///< as by a crash
  };

  /// Acts on `bytes`. False when it has closed the connection.
  [[nodiscard]] virtual bool receive(std::string_view bytes) = 0;
  /// Bytes that receive() has kept, to be acted on once hold(false) was called: then receive({}) is called.
  [[nodiscard]] virtual std::size_t kept_bytes() const = 0;
  virtual void hold(bool held) = 0;
  /// The output is about to be sent: a protocol that makes its bytes only now appends them to out().
  virtual void before_flush() {}
  /// How many of the peer's requests wait for the hub, or for their turn to be answered.
  [[nodiscard]] virtual std::size_t unanswered() const { return in_flight_; }
  /// The transport has taken everything that was written.
  virtual void all_written() {}
  virtual void deadline_reached() = 0;
  /// Has to call end() before it returns.
  virtual void close_for(Cause cause) = 0;

  /// The last of the connection: sends what the transport takes at once if `may_answer`, and says goodbye. Returns
  /// whether such a last answer, or the transport's own, left. REQUIRES: not closed().
  bool end(Goodbye goodbye, bool may_answer);

  [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }
  /// Held back by the hub, or because the disk is slow: then the peer cannot show that it is alive.
  [[nodiscard]] bool is_held_back() const;
  [[nodiscard]] bool is_paused() const { return paused_; }
  /// The peer has sent anything, TLS's own bytes apart.
  [[nodiscard]] bool has_received() const { return has_received_; }

  PumpLane& lane_;

 private:
  [[nodiscard]] bool feed(std::string_view bytes);
  void wake();
  void note_received(std::size_t bytes);
  void hold_back();
  [[nodiscard]] bool has_output() const;
  void let_go_on();
  [[nodiscard]] bool has_much_in_flight(std::size_t share) const;

  std::uint64_t id_;
  std::unique_ptr<Transport> transport_;
  std::string out_;                  // bytes to send; no memory while there are none
  Clock::time_point last_received_;  // and when received_level_ was that
  Clock::time_point next_look_;      // the wheel also brings up times that were asked for before: they are passed over
  std::uint32_t in_flight_ = 0;
  std::uint32_t in_flight_bytes_ = 0;
  ByteRate::Level received_level_ = 0;
  bool closed_ = false;
  bool has_received_ = false;
  bool stopping_ = false;
  bool flush_queued_ = false;
  bool reading_ = true;          // the transport is asked for bytes
  bool write_interest_ = false;  // the transport is asked for room
  bool paused_ = false;          // too much in flight or unsent, over its rate, or asleep
  bool over_rate_ = false;       // not read until received_level_ has come down
  bool asleep_ = false;          // traffic shaping: see sleep()
};

}  // namespace twinhub::wire
