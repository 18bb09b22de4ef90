// What the peer has begun and attached, by its own channels and handles, and how far its deliveries have come. The engine
// believes a peer that uses a channel twice, answers a session that is its own or sends on a link that the hub sends on; its
// own state breaks by that. Such frames are refused before they reach it.
#pragma once

#include "protocol/amqp/performative.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace twinhub::amqp {

/// How many TRANSFERs of a session may be under way: as the cloud's. Senders are held back by credit.
inline constexpr std::uint32_t incoming_window_frames = 5000;

/// Why a frame of the peer's is not passed on.
enum class TapFault : std::uint8_t {
  wrong_header,   ///< the first bytes are neither of the two protocol headers
  framing,        ///< a frame longer than announced, or shorter than its own header
  malformed,      ///< a frame's body that is no performative
  invalid_field,  ///< a field that has to be there, or may not be
  channel_in_use,
  handle_in_use,
  wrong_direction,  ///< a TRANSFER on a link that the hub sends on
};

/// One thread.
class PeerSessions {
 public:
  /// Takes note of a frame that is passed on. `drops`: the frame is on a channel whose session has ended, and nothing to
  /// the engine: pyamqp sends DETACH there.
  [[nodiscard]] std::optional<TapFault> note(std::uint16_t channel, const Performative& performative, bool& drops);

  /// What a TRANSFER is a part of.
  struct Place {
    std::uint64_t link = 0;  ///< as attached() has it; 0: no link, which the engine refuses
    std::uint32_t delivery_id = 0;
    bool is_first = false;       ///< of its delivery
    bool window_is_low = false;  ///< half of what the session's window held has come
  };
  /// Takes note of a TRANSFER, likewise.
  [[nodiscard]] std::optional<TapFault> note(std::uint16_t channel, const Transfer& transfer, Place& place,
                                             bool& drops);

  /// What FLOWs on a session say of it.
  struct Counts {
    std::uint16_t hub_channel = 0;       ///< where the hub speaks on it
    std::uint32_t next_incoming_id = 0;  ///< of the next TRANSFER of the peer's
    std::uint32_t window_end = 0;        ///< the first that the hub has not said that it may send
  };
  /// Of the session on the peer's channel; nullopt when there is none.
  [[nodiscard]] std::optional<Counts> counts(std::uint16_t channel) const;
  /// The hub has answered the BEGIN.
  void answered(std::uint16_t channel, std::uint16_t hub_channel);
  /// The hub's number for a link.
  void attached(std::uint16_t channel, std::uint32_t handle, std::uint64_t link);
  /// What attached() was told of the peer's handle; 0: there is no link.
  [[nodiscard]] std::uint64_t link_of(std::uint16_t channel, std::uint32_t handle) const;
  /// The session whose FLOW the hub is about to say: its window is opened anew. nullopt when there is none.
  std::optional<Counts> renew_window(std::uint16_t channel);
  /// The peer's channel of the session on which the hub speaks on `hub_channel`.
  [[nodiscard]] std::optional<std::uint16_t> channel_of(std::uint16_t hub_channel) const;

 private:
  struct PeerLink {
    bool peer_sends = false;
    std::optional<std::uint32_t> unfinished = {};  ///< the delivery whose next frame is awaited
    std::uint64_t link = 0;
  };
  struct Session {
    std::unordered_map<std::uint32_t, PeerLink> links = {};  ///< by handle
    Counts counts = {};
    std::optional<std::uint32_t> next_delivery = {};  ///< its number; the peer chooses the first
  };

  [[nodiscard]] std::optional<TapFault> begin(std::uint16_t channel, const Performative& performative);
  [[nodiscard]] static std::optional<TapFault> attach(Session& session, const Performative& performative);
  [[nodiscard]] static std::optional<TapFault> detach(Session& session, const Performative& performative);

  std::unordered_map<std::uint16_t, Session> sessions_;  ///< by channel
  std::vector<bool> ended_;                              ///< by channel
  std::vector<std::uint16_t> channels_;                  ///< the peer's, by the hub's
};

}  // namespace twinhub::amqp
