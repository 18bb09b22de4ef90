#include "server/amqp/engine/peer_sessions.hpp"

namespace twinhub::amqp {
namespace {

// Where fields stand.
constexpr std::size_t remote_channel_field = 0, next_outgoing_id_field = 1;  // of BEGIN
constexpr std::size_t name_field = 0, attach_handle = 1, role_field = 2;     // of ATTACH
constexpr std::size_t handle_field = 0;                                      // of DETACH
constexpr std::size_t tag_bytes_max = 32;

const Value& field(const Performative& performative, std::size_t index) {
  static const Value null;
  return index < performative.fields.size() ? performative.fields[index] : null;
}

/// Of exactly this type: where the engine reads another number than we do, the two disagree about which link is meant.
std::optional<std::uint32_t> uint_field(const Performative& performative, std::size_t index) {
  const Value& value = field(performative, index);
  return value.type == Type::uint_ ? std::optional(static_cast<std::uint32_t>(value.bits)) : std::nullopt;
}

bool is_set(const Value& value) { return value.type == Type::boolean && value.bits != 0; }

}  // namespace

std::optional<TapFault> PeerSessions::note(std::uint16_t channel, const Performative& performative, bool& drops) {
  const std::uint8_t code = performative.code;
  const bool has_ended = channel < ended_.size() && ended_[channel];
  drops = has_ended && code >= performative::attach && code <= performative::end;
  if (drops) return std::nullopt;
  if (code == performative::begin) return begin(channel, performative);
  const auto session = sessions_.find(channel);
  if (session == sessions_.end()) return std::nullopt;  // the engine refuses what is on no session
  switch (code) {
    case performative::attach:
      return attach(session->second, performative);
    case performative::detach:
      return detach(session->second, performative);
    case performative::end:
      sessions_.erase(session);
      if (ended_.size() <= channel) ended_.resize(std::size_t{channel} + 1);
      ended_[channel] = true;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<PeerSessions::Counts> PeerSessions::counts(std::uint16_t channel) const {
  const auto session = sessions_.find(channel);
  return session == sessions_.end() ? std::nullopt : std::optional(session->second.counts);
}

void PeerSessions::answered(std::uint16_t channel, std::uint16_t hub_channel) {
  const auto session = sessions_.find(channel);
  if (session == sessions_.end()) return;
  session->second.counts.hub_channel = hub_channel;
  if (channels_.size() <= hub_channel) channels_.resize(std::size_t{hub_channel} + 1);
  channels_[hub_channel] = channel;
  (void)renew_window(channel);
}

void PeerSessions::attached(std::uint16_t channel, std::uint32_t handle, std::uint64_t link) {
  const auto session = sessions_.find(channel);
  if (session == sessions_.end()) return;
  const auto found = session->second.links.find(handle);
  if (found != session->second.links.end()) found->second.link = link;
}

std::uint64_t PeerSessions::link_of(std::uint16_t channel, std::uint32_t handle) const {
  const auto session = sessions_.find(channel);
  if (session == sessions_.end()) return 0;
  const auto found = session->second.links.find(handle);
  return found == session->second.links.end() ? 0 : found->second.link;
}

std::optional<PeerSessions::Counts> PeerSessions::renew_window(std::uint16_t channel) {
  const auto session = sessions_.find(channel);
  if (session == sessions_.end()) return std::nullopt;
  Counts& counts = session->second.counts;
  counts.window_end = counts.next_incoming_id + incoming_window_frames;
  return counts;
}

std::optional<std::uint16_t> PeerSessions::channel_of(std::uint16_t hub_channel) const {
  if (hub_channel >= channels_.size()) return std::nullopt;
  const auto session = sessions_.find(channels_[hub_channel]);
  const bool is_there = session != sessions_.end() && session->second.counts.hub_channel == hub_channel;
  return is_there ? std::optional(session->first) : std::nullopt;
}

/// The hub begins no session of its own, so that no BEGIN of the peer's answers one.
std::optional<TapFault> PeerSessions::begin(std::uint16_t channel, const Performative& performative) {
  if (!field(performative, remote_channel_field).is_null()) return TapFault::invalid_field;
  const auto [session, is_new] = sessions_.try_emplace(channel);
  if (!is_new) return TapFault::channel_in_use;
  session->second.counts.next_incoming_id = uint_field(performative, next_outgoing_id_field).value_or(0);
  if (channel < ended_.size()) ended_[channel] = false;
  return std::nullopt;
}

std::optional<TapFault> PeerSessions::attach(Session& session, const Performative& performative) {
  const auto handle = uint_field(performative, attach_handle);
  const Value& role = field(performative, role_field);
  if (!handle || role.type != Type::boolean || field(performative, name_field).type != Type::string)
    return TapFault::invalid_field;
  if (*handle > handle_max) return TapFault::framing;
  const bool is_free = session.links.try_emplace(*handle, PeerLink{!is_set(role)}).second;
  return is_free ? std::nullopt : std::optional(TapFault::handle_in_use);
}

std::optional<TapFault> PeerSessions::detach(Session& session, const Performative& performative) {
  const auto handle = uint_field(performative, handle_field);
  if (!handle) return TapFault::invalid_field;
  session.links.erase(*handle);
  return std::nullopt;
}

std::optional<TapFault> PeerSessions::note(std::uint16_t channel, const Transfer& transfer, Place& place, bool& drops) {
  drops = channel < ended_.size() && ended_[channel];
  if (drops) return std::nullopt;
  if (!transfer.well_typed) return TapFault::invalid_field;
  const auto session = sessions_.find(channel);
  if (session == sessions_.end()) return std::nullopt;  // the engine refuses it
  const auto found = session->second.links.find(transfer.handle);
  if (found == session->second.links.end()) return std::nullopt;  // likewise
  PeerLink& link = found->second;
  if (!link.peer_sends) return TapFault::wrong_direction;
  ++session->second.counts.next_incoming_id;
  const auto& counts = session->second.counts;
  place = {link.link, link.unfinished.value_or(0), !link.unfinished,
           static_cast<std::int32_t>(counts.window_end - counts.next_incoming_id) <
               static_cast<std::int32_t>(incoming_window_frames / 2)};
  if (link.unfinished) {
    if (transfer.delivery_id && transfer.delivery_id != link.unfinished) return TapFault::invalid_field;
  } else {
    if (!transfer.delivery_id || !transfer.tag || transfer.tag->size() > tag_bytes_max) return TapFault::invalid_field;
    place.delivery_id = *transfer.delivery_id;
    auto& next = session->second.next_delivery;
    if (next && next != place.delivery_id) return TapFault::invalid_field;
    next = place.delivery_id + 1;
    link.unfinished = place.delivery_id;
  }
  if (!transfer.more || transfer.aborted) link.unfinished.reset();
  return std::nullopt;
}

}  // namespace twinhub::amqp
