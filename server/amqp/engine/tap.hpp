// What stands between the AMQP engine and the transport. Inwards: whole frames, checked before the engine sees them, so
// that no bytes of a stranger make it allocate without bound. Outwards: performatives with all of their fields, which
// the engine leaves out when they are null.
#pragma once

#include "protocol/amqp/performative.hpp"
#include "server/amqp/engine/peer_sessions.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::amqp {

/// One whole protocol header, SASL frame or AMQP frame.
struct Inbound {
  std::string_view bytes;
  std::optional<Performative> performative = {};  ///< of an AMQP frame that has a body, but a TRANSFER
  std::optional<Transfer> transfer = {};
  PeerSessions::Place place = {};  ///< of a TRANSFER
  std::uint16_t channel = 0;       ///< of an AMQP frame
};

/// One thread.
class InboundTap {
 public:
  explicit InboundTap(std::size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

  /// Cuts what has come into frames and hands each to `pass`, until that returns false; but frames that are
  /// nothing to the engine are dropped.
  [[nodiscard]] std::optional<TapFault> receive(std::string_view bytes,
                                                const std::function<bool(const Inbound&)>& pass);
  /// Of a frame that has not come whole.
  [[nodiscard]] std::size_t kept_memory() const { return kept_.capacity(); }
  [[nodiscard]] PeerSessions& sessions() { return sessions_; }

 private:
  [[nodiscard]] std::optional<TapFault> pass_frame(std::string_view frame, bool& dropped, Inbound& inbound);

  std::size_t frame_bytes_max_;
  std::string kept_;
  PeerSessions sessions_;
  bool begun_ = false;    ///< a header has come
  bool opened_ = false;   ///< OPEN has come
  bool in_sasl_ = false;  ///< the header was SASL's: AMQP's may follow
};

/// One thread.
class OutboundTap {
 public:
  /// `sessions`: of the same connection; they outlive it.
  explicit OutboundTap(PeerSessions& sessions) : sessions_(sessions) {}

  /// Appends the engine's `bytes` to `out`, frames filled up as far as `peer_frame_max` allows.
  void send(std::string_view bytes, std::size_t peer_frame_max, std::string& out);

  // What the engine does not tell of what it has said
  /// The channel of the last BEGIN, and the handle of the last ATTACH.
  [[nodiscard]] std::uint16_t begun() const { return begun_; }
  [[nodiscard]] std::uint32_t attached() const { return attached_; }
  /// How many TRANSFERs have left on the session that was begun last on the channel: the next one's id.
  [[nodiscard]] std::uint32_t transfers(std::uint16_t channel) const {
    return channel < transfers_.size() ? transfers_[channel] : 0;
  }

 private:
  void note(std::uint16_t channel, std::string_view body);
  [[nodiscard]] bool append_flow(std::uint16_t channel, std::string_view body, std::string& out);

  PeerSessions& sessions_;
  std::string partial_;                   ///< of a frame that the engine has not given whole
  std::vector<std::uint32_t> transfers_;  ///< by channel
  std::uint16_t begun_ = 0;
  std::uint32_t attached_ = 0;
};

}  // namespace twinhub::amqp
