// CONNECT: who is it, may it, what did it leave behind; and the end of a connection: presence, take-over, the will.
#include "protocol/iothub/connect_fields.hpp"
#include "protocol/mqtt/encode.hpp"
#include "server/mqtt/connection.hpp"
#include "server/mqtt/door_lane.hpp"
#include "server/net/peer_chain.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>

namespace twinhub::mqtt_door {
namespace {

using mqtt::ReturnCode;

}  // namespace

void Connection::on_connect(const mqtt::Connect& connect) {
  auto device = std::make_unique<Device>();
  bool session_present = false;
  auto refusal = check_connect(connect, *device);
  if (!refusal) refusal = admit_connect(device->login.id);
  if (!refusal) refusal = open_session(*device, session_present);
  if (refusal) return refuse(*refusal);

  const IdentityId id = device->login.id;
  const auto older = lane_.table().enter(id, {handle(), !device->clean_session});
  // Looked at again: it may have been deleted or disabled before the hub could find this connection.
  if (!lane_.hub().authenticator.holds(device->login)) refusal = check_connect(connect, *device);
  if (refusal) lane_.table().leave(id, handle());
  // Before the older one ends, so that the device is never shown as disconnected in between.
  if (!refusal) lane_.hub().presence.connected(id, hub::Presence::WriteDown::soon);
  if (older) close_older(id, older->handle);
  if (refusal) return refuse(*refusal);
  lane_.write_presence_soon();
  // What the older one has not written is taken over with its session.
  session_present = session_present || (older && older->keeps_session && !device->clean_session);
  enter(connect.keep_alive_seconds, std::move(device), session_present);
}

void Connection::enter(std::uint16_t keep_alive_seconds, std::unique_ptr<Device> device, bool session_present) {
  device_ = std::move(device);
  note_filters();
  keep_alive_seconds_ = keep_alive_seconds;
  const IdentityId& id = device_->login.id;
  if (!device_->model_id.empty()) lane_.hub().twins.announce_model(id, device_->model_id);
  lane_.counters.connects_accepted.fetch_add(1, std::memory_order_relaxed);
  session_.accept();
  mqtt::append_connack(out_, session_present, ReturnCode::accepted);
  wrote();
  // Kept from last time, the subscription counts as made (hub/presence.hpp).
  if (has_filter(iothub::FilterKind::cloud_to_device)) lane_.hub().presence.used(id);
  look_again(std::min(keep_alive_deadline(), token_deadline()));
  announce_methods();
  deliver_messages();
}

std::optional<Connection::Refusal> Connection::check_connect(const mqtt::Connect& connect, Device& device) const {
  if (!connect.user_name) return Refusal{ReturnCode::bad_user_name_or_password, "no user name"};
  const auto fields = iothub::parse_user_name(*connect.user_name);
  if (!fields) return Refusal{ReturnCode::bad_user_name_or_password, "the user name cannot be read"};
  if (connect.client_id.empty()) return Refusal{ReturnCode::bad_user_name_or_password, "no client identifier"};
  if (connect.client_id != iothub::client_id_of(fields->id)) {
    return Refusal{ReturnCode::not_authorized, "the client identifier is not that of the user name's identity"};
  }
  if (connect.will && connect.will->qos == 2) return Refusal{ReturnCode::not_authorized, "a will of QoS 2"};

  auto login = log_in(fields->id, connect.password.value_or(std::string_view()));
  if (!login) {
    const bool passing = login.error().code == Errc::service_unavailable;
    return Refusal{passing ? ReturnCode::server_unavailable : ReturnCode::not_authorized, login.error().detail};
  }
  device.login = std::move(*login);
  if (hub::is_model_id(fields->model_id)) device.model_id = fields->model_id;
  device.clean_session = connect.clean_session;
  if (connect.will) {
    device.will = std::make_unique<Device::Will>(
        Device::Will{std::string(connect.will->topic), std::string(connect.will->message), connect.will->retain});
  }
  return std::nullopt;
}

/// A password wins over a certificate, as in edgeHub. An empty one is none.
Result<hub::DeviceLogin> Connection::log_in(const IdentityId& id, std::string_view password) const {
  const hub::Authenticator& authenticator = lane_.hub().authenticator;
  if (!password.empty()) return authenticator.login_device(id, password);
  return authenticator.login_device(id, net::peer_chain(transport_->tls()));
}

void Connection::check_vouchers() {
  if (device_ && !lane_.hub().authenticator.still_vouched(device_->login)) close(CloseReason::identity_changed);
}

/// Clean session 0 takes up what is kept, or begins to keep; clean session 1 drops it.
std::optional<Connection::Refusal> Connection::open_session(Device& device, bool& session_present) {
  storage::Store& store = lane_.hub().store;
  const IdentityId& id = device.login.id;
  auto kept = store.read_session(id);
  if (!kept) return Refusal{ReturnCode::server_unavailable, kept.error().detail};
  session_present = !device.clean_session && kept->session;
  if (!kept->session) {
    if (device.clean_session) return std::nullopt;
    // One that keeps nothing is written with its first subscription, or when its connection ends: not without a store.
    if (const auto writable = store.writable(); !writable) {
      return Refusal{ReturnCode::server_unavailable, writable.error().detail};
    }
    device.session_owed = true;
    return std::nullopt;
  }
  const hub::SessionExpiry& expiry = lane_.hub().session_expiry;
  const bool is_stale = expiry.is_stale(*kept->session);
  if (session_present) device.subscriptions = std::move(kept->session->subscriptions);
  device.kept_with = kept->told_after;
  if (session_present && !is_stale) return std::nullopt;
  // Nobody is told of this write: it may become durable later.
  const storage::Session session{device.subscriptions, expiry.stamp()};
  const auto written = store.put_session(id, device.clean_session ? nullptr : &session, {});
  if (!written) return Refusal{ReturnCode::server_unavailable, written.error().detail};
  device.kept_with = *written;
  return std::nullopt;
}

void Connection::refuse(const Refusal& refusal) {
  lane_.counters.connects_refused.fetch_add(1, std::memory_order_relaxed);
  spdlog::debug("CONNECT refused with {}: {}", static_cast<int>(refusal.code), refusal.why);
  mqtt::append_connack(out_, false, refusal.code);
  close(CloseReason::refused);
}

void Connection::close_older(const IdentityId& id, const ConnectionHandle& older) {
  spdlog::debug("{}: a newer connection takes over", iothub::client_id_of(id));
  lane_.counters.take_overs.fetch_add(1, std::memory_order_relaxed);
  older.lane->io().post([older] {
    if (Connection* connection = older.lane->find(older.connection)) connection->close(CloseReason::taken_over);
  });
}

void Connection::leave(CloseReason reason) {
  const IdentityId& id = device_->login.id;
  if (device_->session_owed && reason != CloseReason::identity_deleted) write_owed_session();
  lane_.table().leave(id, handle());
  lane_.hub().presence.disconnected(id);
  fail_methods();
  release_messages();
  // A DISCONNECT discards the will [MQTT-3.1.2-10]. Neither does the hub publish wills because it is being restarted:
  // the devices are well. Nor that of a deleted device, which would come back in the event log.
  const bool discarded = reason == CloseReason::disconnect || reason == CloseReason::shutting_down ||
                         reason == CloseReason::identity_deleted;
  if (device_->will && !discarded) publish_will();
}

/// Unless a newer connection has taken the session over, or the identity is gone and its session with it.
void Connection::write_owed_session() {
  if (was_taken_over()) return;
  hub::Hub& hub = lane_.hub();
  const auto read = hub.store.read(device_->login.id);
  if (!read || !read->entity.identity || read->entity.identity->generation_id != device_->login.generation_id) return;
  // What an older connection was still writing when this one began is more than nothing.
  const auto kept = hub.store.read_session(device_->login.id);
  if (!kept || kept->session) return;
  const storage::Session session{{}, hub.session_expiry.stamp()};
  // Nobody is told of this write, and what a failed one loses is empty.
  (void)hub.store.put_session(device_->login.id, &session, {});
}

void Connection::publish_will() {
  const Device::Will& will = *device_->will;
  const auto topic = iothub::parse_device_topic(will.topic, device_->login.id);
  const auto* telemetry = topic ? std::get_if<iothub::TelemetryTopic>(&*topic) : nullptr;
  if (telemetry == nullptr) return;  // not its own: dropped when it would be sent
  // A message like any other: it counts, and over a limit it is lost.
  const std::size_t bytes = telemetry->property_bag.size() + will.message.size();
  const auto admission = lane_.hub().gate.admit(device_->login.id, hub::Operation::telemetry, bytes);
  if (admission.refusal != hub::Refusal::none) return;
  lane_.hub().telemetry.ingest(device_->login,
                               {.property_bag = telemetry->property_bag,
                                .body = will.message,
                                .retain = will.retain,
                                .dup = false,
                                .is_will = true,
                                .model_id = device_->model_id},
                               [](const Result<void>&, storage::Outbox&) {});
}

}  // namespace twinhub::mqtt_door
