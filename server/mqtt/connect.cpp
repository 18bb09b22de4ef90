// CONNECT: its fields, its credentials, and CONNACK. What happens between the two, in which order, is the hub's
// (access/device_entrance.hpp).
#include "protocol/mqtt/encode.hpp"
#include "server/mqtt/hub_device.hpp"
#include "server/net/admission.hpp"
#include "server/net/peer_chain.hpp"

#include <algorithm>
#include <string>

namespace twinhub::mqtt_door {
namespace {

using mqtt::ReturnCode;

/// Passing reasons invite the client to try again; the others do not.
ReturnCode return_code_of(Errc code) {
  const bool passing =
      code == Errc::service_unavailable || code == Errc::throttling_exception || code == Errc::iot_hub_quota_exceeded;
  return passing ? ReturnCode::server_unavailable : ReturnCode::not_authorized;
}

}  // namespace

void Connection::on_connect(const mqtt::Connect& connect) {
  auto device = std::make_unique<HubDevice>(*this);
  bool session_present = false;
  if (const auto refusal = device->connect(connect, session_present)) return refuse(*refusal);
  accept(connect.keep_alive_seconds, std::move(device), session_present);
}

void Connection::accept(std::uint16_t keep_alive_seconds, std::unique_ptr<Client> client, bool session_present) {
  client_ = std::move(client);
  keep_alive_seconds_ = keep_alive_seconds;
  lane().counters.connects_accepted.fetch_add(1, std::memory_order_relaxed);
  session_.accept();
  if (net::Place* const place = transport().place()) place->prove();
  net::forget_peer_chain(transport().tls());  // the login holds what it needs of the chain
  mqtt::append_connack(out(), session_present, ReturnCode::accepted);
  lane().times.add(hub::Operation::connect, wire::Clock::now() - last_received());
  wrote();
  look_again(std::min(keep_alive_deadline(), client_->login_deadline()));
  note_connected();
  client_->accepted();
}

void Connection::refuse(const Refusal& refusal) {
  if (!refusal.code) {
    lane().counters.protocol_faults.fetch_add(1, std::memory_order_relaxed);
    transport().note({.stage = notices::Stage::connect,
                      .reason = refusal.reason,
                      .id = refusal.id,
                      .detail = refusal.detail,
                      .protocol = protocol});
    return close(CloseReason::refused);
  }
  lane().counters.connects_refused.fetch_add(1, std::memory_order_relaxed);
  const std::string code = "CONNACK " + std::to_string(static_cast<unsigned>(*refusal.code));
  transport().note({.stage = notices::Stage::connect,
                    .reason = refusal.reason,
                    .id = refusal.id,
                    .code = code,
                    .detail = refusal.detail,
                    .protocol = protocol});
  mqtt::append_connack(out(), false, *refusal.code);
  close(CloseReason::refused);
}

std::optional<Refusal> HubDevice::connect(const mqtt::Connect& connect, bool& session_present) {
  const auto malformed = [&](Reason reason, std::string detail) {
    return Refusal{ReturnCode::bad_user_name_or_password, reason, std::string(connect.client_id), std::move(detail)};
  };
  if (!connect.user_name) return malformed(Reason::bad_user_name, "There is none.");
  const auto fields = iothub::parse_user_name(*connect.user_name);
  if (!fields) return malformed(Reason::bad_user_name, "It is '" + std::string(*connect.user_name) + "'.");
  const std::string id = iothub::client_id_of(fields->id);
  if (connect.client_id.empty()) {
    return Refusal{ReturnCode::bad_user_name_or_password, Reason::no_client_id, id, "The user name says " + id + '.'};
  }
  if (connect.client_id != id) {
    return Refusal{ReturnCode::not_authorized, Reason::client_id_mismatch, id,
                   "Client identifier '" + std::string(connect.client_id) + "', user name of '" + id + "'."};
  }
  if (connect.will && !iothub::is_topic_name(connect.will->topic, fields->id))
    return Refusal{std::nullopt, Reason::protocol_fault, id, "The will's topic is no topic name."};
  if (connect.will && connect.will->qos == 2)
    return Refusal{ReturnCode::not_authorized, Reason::unsupported, id, "A will of QoS 2."};

  clean_session_ = connect.clean_session;
  const std::string_view password = connect.password.value_or(std::string_view());
  auto entered = lane().entrance().enter({
      .handle = handle(),
      .keeps_session = !clean_session_,
      .log_in = [&] { return log_in(fields->id, password); },
      .prepare = [&](const hub::DeviceLogin& login) { return open_session(login.id, session_present); },
  });
  if (!entered) {
    const Error& error = entered.error();
    hub::RefusalCause cause = cause_of_refusal(fields->id, password, error);
    return Refusal{return_code_of(error.code), cause.reason, id, std::move(cause.detail)};
  }

  login_ = std::move(entered->login);
  if (hub::is_model_id(fields->model_id)) model_id_ = fields->model_id;
  if (connect.will) {
    will_ = std::make_unique<Will>(
        Will{std::string(connect.will->topic), std::string(connect.will->message), connect.will->retain});
  }
  connection_.add_received(hub().gate.device_buckets().take(login_.id));
  connection_.sleep(entered->wait);
  lane().write_presence_soon();
  if (!entered->taken_over) return std::nullopt;
  lane().counters.take_overs.fetch_add(1, std::memory_order_relaxed);
  // The older connection may not have written its session yet: the session is taken over with the device.
  session_present = session_present || (entered->taken_over->keeps_session && !clean_session_);
  return std::nullopt;
}

hub::RefusalCause HubDevice::cause_of_refusal(const IdentityId& id, std::string_view password,
                                              const Error& error) const {
  const hub::RefusalCauses causes(hub().store, hub().clock, hub().certificates, hub().authenticator);
  if (!password.empty()) return causes.of_device(id, password, error);
  return causes.of_device(id, net::peer_chain(connection_.transport().tls()), error);
}

/// A password wins over a certificate, as in edgeHub. An empty one is none.
Result<hub::DeviceLogin> HubDevice::log_in(const IdentityId& id, std::string_view password) const {
  const hub::Authenticator& authenticator = hub().authenticator;
  if (!password.empty()) return authenticator.login_device(id, password);
  return authenticator.login_device(id, net::peer_chain(connection_.transport().tls()));
}

void HubDevice::accepted() {
  note_filters();
  if (!model_id_.empty()) hub().twins.announce_model(login_.id, model_id_);
  // Kept from last time, the subscription counts as made (hub/connections/presence.hpp).
  if (has_filter(iothub::FilterKind::cloud_to_device)) hub().presence.used(login_.id);
  announce_methods();
  deliver_messages();
}

}  // namespace twinhub::mqtt_door
