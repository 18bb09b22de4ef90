// What an MQTT connection's end is for its notice.
#include "protocol/iothub/connect_fields.hpp"
#include "server/mqtt/connection.hpp"
#include "server/notices/notice.hpp"

namespace twinhub::mqtt_door {
namespace {

Reason reason_of(CloseReason reason) {
  switch (reason) {
    case CloseReason::peer_closed:
      return Reason::peer_closed;
    case CloseReason::disconnect:
      return Reason::disconnect;
    case CloseReason::protocol_fault:
      return Reason::protocol_fault;
    case CloseReason::forbidden_topic:
      return Reason::forbidden_topic;
    case CloseReason::refused:
      return Reason::other;
    case CloseReason::timed_out:
      return Reason::keep_alive_timeout;
    case CloseReason::token_expired:
      return Reason::token_expired;
    case CloseReason::taken_over:
      return Reason::taken_over;
    case CloseReason::identity_changed:
      return Reason::identity_changed;
    case CloseReason::identity_deleted:
      return Reason::identity_deleted;
    case CloseReason::slow_reader:
      return Reason::slow_reader;
    case CloseReason::store_failed:
      return Reason::store_unavailable;
    case CloseReason::throttled:
      return Reason::throttled;
    case CloseReason::injected_fault:
    case CloseReason::cut:
      return Reason::injected_fault;
    case CloseReason::shutting_down:
      return Reason::shutting_down;
  }
  return Reason::other;
}

}  // namespace

void Connection::note_connected() const {
  const hub::DeviceConnection* const device = client_->device();
  const std::string id = device != nullptr ? iothub::client_id_of(device->login().id) : std::string();
  transport().note({.kind = notices::Kind::connected, .id = id, .protocol = protocol});
}

void Connection::note_end(CloseReason reason, std::string_view detail) const {
  // The hub that stops takes its notices with it.
  if (reason == CloseReason::refused || reason == CloseReason::shutting_down) return;
  if (!client_) return note_end_of_stranger(reason, detail);
  const hub::DeviceConnection* const device = client_->device();
  const std::string id = device != nullptr ? iothub::client_id_of(device->login().id) : std::string();
  transport().note({.stage = notices::Stage::session,
                    .reason = reason_of(reason),
                    .kind = notices::Kind::ended,
                    .id = id,
                    .detail = detail,
                    .protocol = protocol});
}

/// Whoever left while TLS was under way has its notice from the transport.
void Connection::note_end_of_stranger(CloseReason reason, std::string_view detail) const {
  notices::Happening what{.stage = notices::Stage::connect, .detail = detail, .protocol = protocol};
  switch (reason) {
    case CloseReason::timed_out:
      if (!transport().handshaken()) what.stage = notices::Stage::tls;
      what.reason = Reason::no_connect;
      break;
    case CloseReason::protocol_fault:
      what.reason = Reason::protocol_fault;
      break;
    case CloseReason::peer_closed:
      if (!transport().handshaken()) return;
      what.reason = Reason::peer_closed;
      what.kind = notices::Kind::ended;
      what.detail = "Before it had said who it is.";
      if (transport().tls() != nullptr && !has_received() && !transport().is_web_socket()) {
        // Clients that look at the certificate only after the handshake: Node's do.
        what.stage = notices::Stage::tls;
        what.reason = Reason::certificate_rejected;
        what.kind = notices::Kind::refused;
        what.detail = "It left after the TLS handshake without a word; a health check does so, too.";
      }
      break;
    default:
      what.reason = reason_of(reason);
      what.kind = notices::Kind::ended;
      break;
  }
  transport().note(what);
}

}  // namespace twinhub::mqtt_door
