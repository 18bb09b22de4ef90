// What is noted of an AMQP connection: tokens and links that are refused, a broken protocol, the end of it and of its
// devices.
#include "protocol/iothub/connect_fields.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/lane.hpp"
#include "server/notices/notice.hpp"

namespace twinhub::amqp_door {
namespace {

constexpr std::string_view protocol = "amqp";

}  // namespace

hub::RefusalCauses Connection::causes() const {
  const hub::Hub& hub = lane().hub();
  return {hub.store, hub.clock, hub.certificates, hub.authenticator};
}

/// A back end, whose token has just been accepted; each device has its own line.
void Connection::note_back_end() const {
  const std::string policy = access_.policy();
  if (policy.empty()) return;
  const std::string detail = "A back end with the policy '" + policy + "'.";
  transport().note({.kind = notices::Kind::connected, .detail = detail, .protocol = protocol});
}

void Connection::note_connected(const Device& device) const {
  const std::string id = iothub::client_id_of(device.login().id);
  transport().note({.kind = notices::Kind::connected, .id = id, .protocol = protocol});
}

/// `id`: what the peer says that the token is for; nullopt: a policy's.
void Connection::note_refused_token(const std::optional<IdentityId>& id, std::string_view code, std::string_view token,
                                    const Error& error) {
  lane().counters.tokens_refused.fetch_add(1, std::memory_order_relaxed);
  // Each cause costs what the token has cost: a peer that goes on and on is told about by its first ones.
  constexpr std::uint8_t causes_max = 8;
  hub::RefusalCause cause;
  if (refusals_explained_ < causes_max) {
    ++refusals_explained_;
    cause = id ? causes().of_device(*id, token, error) : causes().of_policy(token, std::nullopt);
  }
  if (cause.reason == Reason::other) cause = hub::cause_of(error);
  if (cause.reason == Reason::quota) cause.reason = Reason::other;  // not the day's: the connection's, says the detail
  const std::string claimed = id ? iothub::client_id_of(*id) : std::string();
  transport().note({.stage = notices::Stage::connect,
                    .reason = cause.reason,
                    .id = claimed,
                    .code = code,
                    .detail = cause.detail,
                    .protocol = protocol});
}

void Connection::note_refused_link(const LinkKind* kind, const amqp::AttachRequest& request,
                                   const hub::RefusalCause& cause) {
  const std::string detail = "Link at '" + request.address + "'. " + cause.detail;
  const auto id =
      kind != nullptr && kind->needs == Needs::device ? Access::claimed_by_audience(request.address) : std::nullopt;
  const std::string shown = id ? iothub::client_id_of(*id) : std::string();
  transport().note({.stage = notices::Stage::link,
                    .reason = cause.reason,
                    .id = shown,
                    .code = "detach",
                    .detail = detail,
                    .protocol = protocol});
}

void Connection::note_refused_request(std::string_view address, const hub::RefusalCause& cause) const {
  transport().note({.stage = known_ ? notices::Stage::link : notices::Stage::connect,
                    .reason = cause.reason,
                    .code = address,
                    .detail = cause.detail,
                    .protocol = protocol});
}

void Connection::note_fault(const amqp::Condition& error) {
  std::string id;
  if (devices_.size() == 1) {
    id = iothub::client_id_of(devices_.begin()->first);
    devices_.begin()->second->end_is_noted_ = true;
  }
  transport().note({.stage = known_ ? notices::Stage::session : notices::Stage::connect,
                    .reason = Reason::protocol_fault,
                    .kind = known_ ? notices::Kind::ended : notices::Kind::refused,
                    .id = id,
                    .code = error.name,
                    .detail = error.description,
                    .protocol = protocol});
}

void Connection::note_end_of(const Device& device) {
  // The hub that stops takes its notices with it.
  if (end_reason_ == Reason::shutting_down || device.end_is_noted_) return;
  const std::string id = iothub::client_id_of(device.login().id);
  transport().note({.stage = notices::Stage::session,
                    .reason = fault_told_  ? Reason::protocol_fault
                              : is_silent_ ? Reason::keep_alive_timeout
                                           : end_reason_,
                    .kind = notices::Kind::ended,
                    .id = id,
                    .protocol = protocol});
}

/// Of the connection as a whole; each device on it has its own notice.
void Connection::note_end(Reason reason) {
  if (is_silent_ && reason != Reason::shutting_down) reason = Reason::keep_alive_timeout;
  end_reason_ = reason;
  if (reason == Reason::shutting_down || fault_told_ || !devices_.empty()) return;
  notices::Happening what{
      .stage = notices::Stage::session, .reason = reason, .kind = notices::Kind::ended, .protocol = protocol};
  std::string words;
  if (known_) {
    const std::string policy = access_.policy();
    words = policy.empty() ? "Its devices had left before." : "A back end with the policy '" + policy + "'.";
  } else if (reason == Reason::no_connect) {
    what.stage = transport().handshaken() ? notices::Stage::connect : notices::Stage::tls;
    what.kind = notices::Kind::refused;
    words = "It showed no valid token in time.";
  } else {
    if (!transport().handshaken()) return;  // the transport has noted how far it had come
    what.stage = notices::Stage::connect;
    words = "Before it had shown a token.";
    const bool has_said_nothing = !has_received() && !transport().is_web_socket();
    if (reason == Reason::peer_closed && transport().tls() != nullptr && has_said_nothing) {
      what.stage = notices::Stage::tls;
      what.reason = Reason::certificate_rejected;
      what.kind = notices::Kind::refused;
      words = "It left after the TLS handshake without a word; a health check does so, too.";
    }
  }
  what.detail = words;
  transport().note(what);
}

}  // namespace twinhub::amqp_door
