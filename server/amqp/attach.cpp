// How links come and go, and the devices that are connected by them.
#include "protocol/amqp/link_address.hpp"
#include "server/amqp/condition.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/lane.hpp"
#include "server/base/log.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace twinhub::amqp_door {
namespace {

/// Between the answer to an ATTACH and its DETACH: clients that register their handlers late hang on both at once.
constexpr std::chrono::milliseconds refusal_delay{30};
/// Of one device: there are not as many kinds. What an ATTACH holds is small in the peer's bytes, and large here.
constexpr std::size_t waiting_links_max = 16;

IdentityId identity_of(const std::vector<std::string>& captured) {
  assert(!captured.empty());
  return {captured[0], captured.size() > 1 ? captured[1] : ""};
}

}  // namespace

Connection::Found Connection::kind_for(const amqp::AttachRequest& request) const {
  auto segments = amqp::parse_link_address(request.address);
  const Direction direction = request.peer_sends ? Direction::peer_sends : Direction::peer_receives;
  if (!segments) return {};
  for (const LinkKind& one : lane().kinds()) {
    if (one.direction != direction) continue;
    if (auto captured = amqp::match_address(one.address, *segments))
      return {&one, std::move(*segments), std::move(*captured)};
  }
  return {};
}

void Connection::attach(amqp::LinkNumber number, const amqp::AttachRequest& request) {
  auto [kind, segments, captured] = kind_for(request);
  if (kind == nullptr) {
    const std::string_view words = "There is no link of this direction at this address.";
    note_refused_link(nullptr, request, {Reason::unsupported, std::string(words)});
    return refuse(number, make_condition(condition::not_found, words));
  }
  const auto count = links_by_kind_.find(kind);
  if (count != links_by_kind_.end() && count->second >= kind->links_max)
    return refuse(number, kind, request,
                  make_condition(condition::resource_limit, "The connection has too many links of this kind."));
  Device* device = nullptr;
  hub::RefusalCause cause;
  if (const auto refused = check_right(*kind, segments, captured, device, cause)) {
    note_refused_link(kind, request, cause);
    return refuse(number, *refused);
  }
  if (device != nullptr && device->awaits_turn_) {
    if (device->waiting_.size() >= waiting_links_max)
      return refuse(number, kind, request,
                    make_condition(condition::resource_limit, "Too many links wait for the device's turn."));
    device->waiting_.push_back(number);
    waiting_attaches_.emplace(number, WaitingAttach{request, device});
    return;
  }

  AttachAnswer answer = kind->make({*this, request, captured, device});
  if (!answer.handler) {
    if (device != nullptr) leave_without_links(*device);
    return refuse(number, kind, request, answer.refusal.value_or(make_condition(condition::internal_error, "No link")));
  }
  assert(kind->needs != Needs::device || dynamic_cast<DeviceLinkHandler*>(answer.handler.get()) != nullptr);
  if (kind->needs != Needs::service) segments.clear();
  auto made = std::make_unique<Link>(*this, number, request, *kind, std::move(captured), std::move(segments), device);
  made->handler_ = std::move(answer.handler);
  made->handler_->link_ = made.get();
  add_link(std::move(made), std::move(answer.properties));
}

/// `properties`: of the answer to its ATTACH.
void Connection::add_link(std::unique_ptr<Link> made, amqp::Value properties) {
  Link& link = *made;
  links_.emplace(link.number(), std::move(made));
  ++links_by_kind_[&link.kind()];
  lane().counters.links.fetch_add(1, std::memory_order_relaxed);
  properties.add(amqp::Value::symbol("com.microsoft:tracking-id"),
                 amqp::Value::string(make_condition("", "").info.items[1].text));
  engine_->accept(link.number(), {.properties = std::move(properties),
                                  .credit = link.kind().credit,
                                  .message_bytes_max = link.kind().message_bytes_max});
  if (Device* const device = link.device()) {
    // A newer link of one kind ends the older one of the same device, which has a link at every moment: without one it
    // leaves.
    device->links_.push_back(&link);
    for (Link* const older : std::vector<Link*>(device->links_)) {
      if (older == &link || &older->kind() != &link.kind()) continue;
      older->detach(make_condition(condition::stolen, "A newer link has taken over"));
    }
  }
  link.handler().on_attached();
}

/// What stands in the way is neither the address nor a right.
void Connection::refuse(amqp::LinkNumber number, const LinkKind* kind, const amqp::AttachRequest& request,
                        const amqp::Condition& why) {
  const bool is_elsewhere = why.name == condition::redirect;  // a client's usual way to the events
  const bool is_unknown =
      why.name == condition::not_found || why.name == condition::not_allowed || why.name == condition::not_implemented;
  if (!is_elsewhere)
    note_refused_link(kind, request, {is_unknown ? Reason::unsupported : Reason::other, why.description});
  refuse(number, why);
}

void Connection::refuse(amqp::LinkNumber number, const amqp::Condition& why) {
  lane().counters.links_refused.fetch_add(1, std::memory_order_relaxed);
  log::debug({.event = "link_refused", .reason = why.name}, "an AMQP link is refused: {} {}", why.name,
             why.description);
  const auto& info = why.info.items;
  engine_->refuse(number, amqp::Value::map({info[0], info[1]}));  // the tracking id
  lane().run_after(refusal_delay, [&lane = lane(), id = id(), number, why] {
    Connection* const connection = lane.find(id);
    if (connection == nullptr || connection->closed()) return;
    connection->engine_->detach(number, why);
    connection->will_write();
  });
}

std::optional<amqp::Condition> Connection::check_right(const LinkKind& kind, const std::vector<std::string>& segments,
                                                       const std::vector<std::string>& captured, Device*& device,
                                                       hub::RefusalCause& cause) {
  const auto unauthorized = [&cause] {
    cause = {Reason::policy_rights, "No token of the connection opens it with ServiceConnect."};
    return make_condition(condition::unauthorized, "ErrorCode:IotHubUnauthorizedAccess;Unauthorized");
  };
  using hub::Right;
  switch (kind.needs) {
    case Needs::nothing:
      return std::nullopt;
    case Needs::service:
      if (access_.may(Right::service_connect, segments, now_unix())) return std::nullopt;
      return unauthorized();
    case Needs::service_anywhere:
      if (access_.may_somewhere(Right::service_connect, now_unix())) return std::nullopt;
      return unauthorized();
    case Needs::device:
      break;
  }
  auto found = device_for(identity_of(captured));
  if (!found) {
    cause = access_.cause_of_refusal(causes(), identity_of(captured), found.error());
    return condition_of(found.error());
  }
  device = *found;
  return std::nullopt;
}

/// The device on this connection, connected by now.
Result<Device*> Connection::device_for(const IdentityId& id) {
  const auto known = devices_.find(id);
  if (known != devices_.end()) return known->second.get();
  auto made = std::make_unique<Device>(*this, lane().new_device_number());
  Device& device = *made;
  lane().add_device(device);
  const hub::ConnectionHandle handle{&lane(), device.number()};
  auto entered = lane().entrance().enter(
      {.handle = handle, .keeps_session = false, .log_in = [&] { return access_.log_in(id); }, .prepare = {}});
  if (!entered) {
    lane().remove_device(device);
    return entered.error();
  }
  device.login_ = std::move(entered->login);
  devices_.emplace(id, std::move(made));
  lane().times.add(hub::Operation::connect, wire::Clock::now() - last_received());
  pay_for_entry();
  prove();
  note_connected(device);
  plan_due_ = true;  // its certificate may be the first to expire
  add_received(lane().hub().gate.device_buckets().take(device.login().id));
  if (entered->wait.count() > 0) await_turn(device, entered->wait);
  lane().write_presence_soon();
  return &device;
}

/// Traffic shaping: the device's links wait, and nothing else on the connection.
void Connection::await_turn(Device& device, std::chrono::microseconds wait) {
  device.awaits_turn_ = true;
  lane().run_after(wait, [&lane = lane(), number = device.number()] {
    if (auto* const waiting = static_cast<Device*>(lane.find_device(number))) waiting->connection_.let_in(*waiting);
  });
}

void Connection::let_in(Device& device) {
  device.awaits_turn_ = false;
  // What let it in may be gone by now.
  if (!access_.speaks_for(device.login().id)) {
    return end_device(device, Reason::identity_changed,
                      make_condition(condition::unauthorized, "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"));
  }
  while (!device.waiting_.empty()) {
    const amqp::LinkNumber number = device.waiting_.front();
    device.waiting_.erase(device.waiting_.begin());
    const auto found = waiting_attaches_.find(number);
    assert(found != waiting_attaches_.end());
    const amqp::AttachRequest request = std::move(found->second.request);
    waiting_attaches_.erase(found);
    attach(number, request);
  }
  leave_without_links(device);  // all of them were refused, or gone
  will_write();
}

/// The peer has detached a link before its ATTACH was answered.
void Connection::drop_waiting(amqp::LinkNumber number) {
  const auto found = waiting_attaches_.find(number);
  if (found == waiting_attaches_.end()) return;
  Device& device = *found->second.device;
  waiting_attaches_.erase(found);
  std::erase(device.waiting_, number);
  leave_without_links(device);
}

/// Devices that come once and stay cost nothing. Those that come and go make the hub write down each time that they are
/// connected: past the first hundred, a connection may do that ten times a second.
void Connection::pay_for_entry() {
  if (++devices_entered_ <= devices_.size()) return;
  constexpr std::chrono::milliseconds price{100};
  constexpr int free_entries = 100;
  const auto now = lane().now();
  entries_paid_ = std::max(entries_paid_, now) + price;
  const auto ahead = entries_paid_ - now - free_entries * price;
  if (ahead.count() > 0) sleep(std::chrono::ceil<std::chrono::microseconds>(ahead));
}

void Connection::detach(Link& link, const amqp::Condition& error) {
  if (link.over_) return;
  engine_->detach(link.number(), error);
  will_write();
  drop_link(link);
}

void Connection::drop_link(Link& link) {
  if (std::exchange(link.over_, true)) return;
  const auto found = links_.find(link.number());
  assert(found != links_.end());
  ended_links_.push_back(std::move(found->second));
  links_.erase(found);
  --links_by_kind_[&link.kind()];
  lane().counters.links.fetch_sub(1, std::memory_order_relaxed);
  link.handler().on_detached();
  Device* const device = link.device();
  if (device == nullptr) return;
  std::erase(device->links_, &link);
  leave_without_links(*device);
}

void Connection::leave_without_links(Device& device) {
  if (device.links_.empty() && device.waiting_.empty()) leave(device);
}

/// What the connection has sent of late was sent by its devices alike, as far as the hub can tell.
void Connection::leave_bytes(const IdentityId& id) {
  assert(!devices_.empty());
  const auto share = static_cast<ByteRate::Level>(received_level() / devices_.size());
  if (lane().hub().gate.device_buckets().leave(id, share)) take_received(share);
}

/// The device's last link is gone.
void Connection::leave(Device& device) {
  const auto found = devices_.find(device.login().id);
  if (found == devices_.end() || found->second.get() != &device) return;
  note_end_of(device);
  leave_bytes(device.login().id);
  ended_devices_.push_back(std::move(found->second));
  devices_.erase(found);
  lane().remove_device(device);
  lane().entrance().leave(device.login().id, {&lane(), device.number()});
  will_write();  // what has ended is destroyed with the wake-up
}

void Connection::end_device(Device& device, Reason reason, const amqp::Condition& error) {
  end_reason_ = reason;
  for (const amqp::LinkNumber number : std::exchange(device.waiting_, {})) {
    waiting_attaches_.erase(number);
    refuse(number, error);
  }
  for (Link* const link : std::vector<Link*>(device.links_)) link->detach(error);
  leave(device);
  end_reason_ = Reason::disconnect;
}

void Connection::expel_device(Device& device, Reason reason, const amqp::Condition& error) {
  access_.forget(device.login().id);
  end_device(device, reason, error);
}

/// Ends links whose right has gone with the tokens that were dropped. Tokens that are expired and still kept bear links
/// until they are dropped, too.
void Connection::drop_unproved(Reason reason, std::string_view why) {
  std::vector<Link*> unproved;
  for (const auto& [number, link] : links_) {
    const Needs needs = link->kind().needs;
    const bool may = needs == Needs::service            ? access_.may(hub::Right::service_connect, link->segments_, 0)
                     : needs == Needs::service_anywhere ? access_.may_somewhere(hub::Right::service_connect, 0)
                     : needs == Needs::device           ? access_.speaks_for(link->device()->login().id)
                                                        : true;
    if (!may) unproved.push_back(link.get());
  }
  end_reason_ = reason;
  for (Link* const link : unproved) {
    link->detach(make_condition(condition::unauthorized, why));
  }
  end_reason_ = Reason::disconnect;
}

void Connection::check_vouchers() {
  std::vector<Device*> gone;
  for (const auto& [id, device] : devices_) {
    if (!lane().hub().authenticator.still_vouched(device->login())) gone.push_back(device.get());
  }
  for (Device* const device : gone) {
    expel_device(*device, Reason::identity_changed,
                 make_condition(condition::unauthorized, "The CA or the policy that vouched is gone"));
  }
  if (access_.drop_revoked()) {
    drop_unproved(Reason::identity_changed, "ErrorCode:IotHubUnauthorizedAccess;The token's policy or its key is gone");
  }
}

/// Tokens have their own moment: Access knows it.
std::vector<Device*> Connection::devices_by_certificate() const {
  std::vector<Device*> found;
  if (!access_.has_certificate()) return found;
  for (const auto& [id, device] : devices_) {
    if (device->login().authentication != iothub::AuthenticationType::sas) found.push_back(device.get());
  }
  return found;
}

void Connection::end_expired_certificates(std::uint64_t now_unix, std::uint64_t grace) {
  for (Device* const device : devices_by_certificate()) {
    const std::uint64_t end = device->login().expires_at;
    if (end > now_unix || now_unix - end < grace) continue;
    end_device(*device, Reason::certificate_dates,
               make_condition(condition::unauthorized, "A certificate of the chain is expired"));
  }
}

void Connection::drop_everything() {
  std::vector<Link*> all;
  for (const auto& [number, link] : links_) all.push_back(link.get());
  for (Link* const link : all) drop_link(*link);
  std::vector<amqp::LinkNumber> waiting;
  for (const auto& [number, attach] : waiting_attaches_) waiting.push_back(number);
  for (const amqp::LinkNumber number : waiting) drop_waiting(number);
}

}  // namespace twinhub::amqp_door
