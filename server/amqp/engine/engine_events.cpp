#include "server/amqp/engine/engine_state.hpp"
#include "server/amqp/engine/fitting.hpp"

#include <algorithm>

namespace twinhub::amqp {
namespace {

constexpr std::size_t handle_field = 1, initial_count_field = 9;  // of ATTACH
constexpr std::uint32_t idle_timeout_ms_min = 5000;
constexpr std::uint32_t idle_timeout_ms_short = 120'000;  // for a client that asks for one itself, as the cloud

Outcome::Kind kind_of(std::uint64_t state) {
  switch (state) {
    case PN_ACCEPTED:
      return Outcome::Kind::accepted;
    case PN_REJECTED:
      return Outcome::Kind::rejected;
    case PN_RELEASED:
      return Outcome::Kind::released;
    case PN_MODIFIED:
      return Outcome::Kind::modified;
    default:
      return Outcome::Kind::none;
  }
}

Condition condition_of(TapFault fault) {
  switch (fault) {
    case TapFault::wrong_header:
      return {"amqp:connection:framing-error", "The first bytes are no AMQP 1.0 header"};
    case TapFault::malformed:
      return {"amqp:decode-error", "A frame's body is no AMQP performative"};
    case TapFault::invalid_field:
      return {"amqp:invalid-field", "A field of a performative is missing, or not what it may be"};
    case TapFault::channel_in_use:
      return {"amqp:not-allowed", "The channel has a session already"};
    case TapFault::handle_in_use:
      return {"amqp:session:handle-in-use", "The handle has a link already"};
    case TapFault::wrong_direction:
      return {"amqp:not-allowed", "A TRANSFER on a link that the hub sends on"};
    case TapFault::framing:
      break;
  }
  return {"amqp:connection:framing-error", "A frame is longer than announced, or malformed"};
}

std::string close_frame(const Condition& error) {
  constexpr std::uint8_t error_code = 0x1D;
  Value fields = Value::list({Value::symbol(error.name), Value::string(error.description), {}});
  return frame_of(performative::close, {Value::described(Value::ulong(error_code), std::move(fields))}, 0);
}

}  // namespace

/// Whether there was any.
bool Engine::State::dispatch() {
  bool any = false;
  while (pn_event_t* const event = touched ? pn_connection_driver_next_event(&driver) : nullptr) {
    any = true;
    handle(event);
  }
  return any;
}

void Engine::State::handle(pn_event_t* event) {
  switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN:
      return opened();
    case PN_SESSION_REMOTE_OPEN:
      return session_began(pn_event_session(event));
    case PN_LINK_REMOTE_OPEN:
      return link_attached(pn_event_link(event));
    case PN_LINK_FLOW: {
      pn_link_t* const link = pn_event_link(event);
      LinkState* const state = find_any(link);
      if (state == nullptr || state->ended || state->peer_sends) return;
      // What the peer says now is about now: a drain of before that waits would take the new credit for nothing.
      std::erase(draining, as_number(pn_link_get_context(link)));
      return events.on_credit(as_number(pn_link_get_context(link)), pn_link_get_drain(link));
    }
    case PN_DELIVERY: {
      pn_link_t* const link = pn_event_link(event);
      pn_delivery_t* const delivery = pn_event_delivery(event);
      if (link == nullptr) return;  // both ends are through with the delivery
      return settled_by_peer(link, delivery);
    }
    case PN_LINK_REMOTE_CLOSE:
      return link_left(pn_event_link(event), true);
    case PN_LINK_REMOTE_DETACH:
      return link_left(pn_event_link(event), false);
    case PN_SESSION_REMOTE_CLOSE:
      return session_left(pn_event_session(event));
    case PN_CONNECTION_REMOTE_CLOSE:
      return connection_left();
    case PN_TRANSPORT_ERROR:
      return transport_failed();
    default:
      return;
  }
}

void Engine::State::opened() {
  pn_transport_t* const transport = driver.transport;
  OpenRequest request;
  if (const char* const name = pn_connection_remote_container(driver.connection)) request.container = name;
  if (const char* const name = pn_connection_remote_hostname(driver.connection)) request.hostname = name;
  request.idle_timeout_ms = pn_transport_get_remote_idle_timeout(transport);
  if (request.idle_timeout_ms > 0) {
    const std::uint32_t short_time = std::min(idle_timeout_ms_short, limits.idle_timeout_ms);
    pn_transport_set_idle_timeout(transport, 2 * short_time);
  }
  pn_connection_set_hostname(driver.connection, "localhost");
  pn_connection_open(driver.connection);
  if (request.idle_timeout_ms > 0 && request.idle_timeout_ms < idle_timeout_ms_min) {
    return close(Condition{"amqp:invalid-field", "The idle-time-out has to be 5000 ms or more"});
  }
  if (const auto refused = events.on_open(request)) close(refused);
}

void Engine::State::session_began(pn_session_t* session) {
  if (++sessions > (known ? limits.channel_max + 1U : limits.stranger_links_max)) {
    return close(Condition{"amqp:resource-limit-exceeded", "The connection has too many sessions"});
  }
  pn_session_set_context(session, as_context(next_number++));
  pn_session_set_incoming_capacity(session, std::size_t{incoming_window_frames} * limits.frame_bytes_max);
  pn_session_open(session);
  encode();  // the window counts from the BEGIN on; messages may follow the peer's at once
  inbound.sessions().answered(current_channel, outbound.begun());
}

/// A link that was refused or detached counts until the peer says DETACH: the engine keeps it until then.
void Engine::State::link_attached(pn_link_t* link) {
  if (links.size() >= links_max()) {
    return close(Condition{"amqp:resource-limit-exceeded", "The connection has too many links"});
  }
  const LinkNumber number = next_number++;
  pn_link_set_context(link, as_context(number));
  LinkState& state = links[number];
  state.link = link;
  state.peer_sends = pn_link_is_receiver(link);
  state.channel = current_channel;
  if (const auto session = inbound.sessions().counts(current_channel)) state.hub_channel = session->hub_channel;
  if (current != nullptr) {
    inbound.sessions().attached(current_channel, static_cast<std::uint32_t>(current->integer(handle_field, 0)), number);
    state.delivery_count = state.credit_end = static_cast<std::uint32_t>(current->integer(initial_count_field, 0));
  }
  if (announced > ordinary_memory) large_memory += state.large_memory = announced;
  const Echo echo = echo_that_fits(link, peer_frame_max());
  if (echo == Echo::none)
    return close(Condition{frame_size_too_small, "A link's name does not fit into a frame of the peer's"});
  if (echo == Echo::refused) {
    answer_attach(state, Value::map());
    return end_link(state,
                    {frame_size_too_small, "The link's address and filter do not fit into a frame of the peer's"});
  }
  AttachRequest request;
  request.session = as_number(pn_session_get_context(pn_link_session(link)));
  request.name = pn_link_name(link);
  request.peer_sends = state.peer_sends;
  pn_terminus_t* const terminus = request.peer_sends ? pn_link_remote_target(link) : pn_link_remote_source(link);
  if (const char* const address = pn_terminus_get_address(terminus)) request.address = address;
  if (current != nullptr && current->code == performative::attach) {
    request.properties = attach_properties(*current);
    request.source_filter = source_filter(*current);
    request.desired_capabilities = desired_capabilities(*current);
  }
  request.settles_second = pn_link_remote_rcv_settle_mode(link) == PN_RCV_SECOND;
  request.sends_settled = pn_link_remote_snd_settle_mode(link) == PN_SND_SETTLED;
  events.on_attach(number, request);
}

void Engine::State::settled_by_peer(pn_link_t* link, pn_delivery_t* delivery) {
  LinkState* const state = find_any(link);
  if (state == nullptr || !pn_delivery_updated(delivery)) return;
  const DeliveryNumber number = as_number(pn_delivery_get_context(delivery));
  if (number == 0) return fail(TapFault::wrong_direction);  // the hub has not sent it
  const bool settled = pn_delivery_settled(delivery);
  Outcome outcome;
  outcome.kind = kind_of(pn_delivery_remote_state(delivery));
  pn_disposition_t* const said = pn_delivery_remote(delivery);
  outcome.failed = pn_disposition_is_failed(said);
  outcome.undeliverable_here = pn_disposition_is_undeliverable(said);
  pn_delivery_clear(delivery);
  if (!settled && outcome.kind == Outcome::Kind::none) return;  // "received": nothing is decided
  const bool waits = state->deliveries.contains(number);
  if (settled) {
    (void)take_delivery(*state, number);
    pn_delivery_settle(delivery);
  }
  if (waits && !state->ended) events.on_outcome(as_number(pn_link_get_context(link)), number, outcome, settled);
}

void Engine::State::forget(LinkNumber number) {
  const auto found = links.find(number);
  if (found == links.end()) return;
  drop_partial(found->second);
  drop_unsent(found->second);
  unsettled_bytes -= found->second.unsettled_bytes;
  large_memory -= found->second.large_memory;
  links.erase(found);
}

void Engine::State::link_left(pn_link_t* link, bool closes) {
  const LinkNumber number = as_number(pn_link_get_context(link));
  LinkState* const state = find_any(link);
  const bool was_alive = state != nullptr && !state->ended;
  // A DETACH needs an ATTACH before it.
  if (was_alive && (pn_link_state(link) & PN_LOCAL_UNINIT) != 0) answer_attach(*state, Value::map());
  forget(number);
  pn_link_set_context(link, nullptr);
  if ((pn_link_state(link) & PN_LOCAL_ACTIVE) != 0) closes ? pn_link_close(link) : pn_link_detach(link);
  pn_link_free(link);
  encode();  // the engine would say ATTACH of a link that comes again before DETACH of this one
  if (was_alive) events.on_detached(number);
}

void Engine::State::session_left(pn_session_t* session) {
  std::vector<std::pair<LinkNumber, bool>> ended;
  for (const auto& [number, state] : links) {
    if (pn_link_session(state.link) == session) ended.emplace_back(number, !state.ended);
  }
  for (const auto& one : ended) {
    pn_link_set_context(links.at(one.first).link, nullptr);
    forget(one.first);
  }
  pn_session_close(session);
  pn_session_free(session);
  if (sessions > 0) --sessions;
  for (const auto& one : ended) {
    if (one.second) events.on_detached(one.first);
  }
}

void Engine::State::connection_left() {
  closing = true;
  pn_connection_close(driver.connection);
  if (!std::exchange(told_closed, true)) events.on_closed(std::nullopt);
}

void Engine::State::transport_failed() {
  closing = true;
  if (std::exchange(told_closed, true)) return;
  pn_condition_t* const said = pn_transport_condition(driver.transport);
  Condition error{"amqp:connection:framing-error", "The connection broke the protocol"};
  if (const char* const name = pn_condition_get_name(said)) error.name = name;
  if (const char* const text = pn_condition_get_description(said)) error.description = text;
  // The one end that is no fault of the peer's bytes has the condition of others.
  if (error.description.find("local-idle-timeout") != std::string::npos) error.name = local_time_out;
  events.on_closed(error);
}

pn_delivery_t* Engine::State::take_delivery(LinkState& link, DeliveryNumber number) {
  const auto found = link.deliveries.find(number);
  if (found == link.deliveries.end()) return nullptr;
  const DeliveryState taken = found->second;
  link.deliveries.erase(found);
  link.unsettled_bytes -= taken.bytes;
  unsettled_bytes -= taken.bytes;
  return taken.delivery;
}

/// Termini and settle modes as asked, and always properties: clients fail on an ATTACH without.
void Engine::State::answer_attach(LinkState& state, const Value& properties) {
  touched = true;
  pn_link_t* const link = state.link;
  echo_termini(link, echo_that_fits(link, peer_frame_max()));
  // An absent one is written all the same: old uAMQP ends its session on a null source.
  if (pn_terminus_get_type(pn_link_source(link)) == PN_UNSPECIFIED)
    pn_terminus_set_type(pn_link_source(link), PN_SOURCE);
  if (pn_terminus_get_type(pn_link_target(link)) == PN_UNSPECIFIED)
    pn_terminus_set_type(pn_link_target(link), PN_TARGET);
  pn_link_set_snd_settle_mode(link, pn_link_remote_snd_settle_mode(link));
  pn_link_set_rcv_settle_mode(link, pn_link_remote_rcv_settle_mode(link));
  if (state.peer_sends) pn_link_set_max_message_size(link, state.message_bytes_max);
  proton::put_value(pn_link_properties(link), properties);
  pn_link_open(link);
  encode();  // the handle that the engine gives it stands in the frame alone
  state.handle = outbound.attached();
}

void Engine::State::end_link(LinkState& state, const Condition& error) {
  touched = true;
  state.ended = true;
  // Before the DETACH: nobody awaits an outcome behind it.
  if (state.unfinished && !state.partial_settled && !std::exchange(state.partial_refused, true))
    dispose(state.hub_channel, *state.unfinished, {Outcome::Kind::rejected, error});
  drop_unsent(state);
  state.deliveries.clear();
  state.came.clear();
  unsettled_bytes -= std::exchange(state.unsettled_bytes, 0);
  drop_partial(state);
  proton::put_condition(pn_link_condition(state.link), fitted(error, peer_frame_max()));
  pn_link_close(state.link);
}

/// Asks every session only when what was handed over since the last time may be too much.
std::size_t Engine::State::unsent_bytes() {
  if (unsent_at_most < limits.all_unsent_bytes_max) return unsent_at_most;
  unsent_at_most = 0;
  for (pn_session_t* one = pn_session_head(driver.connection, 0); one != nullptr; one = pn_session_next(one, 0)) {
    unsent_at_most += pn_session_outgoing_bytes(one);
  }
  return unsent_at_most;
}

void Engine::State::close(const std::optional<Condition>& error) {
  if (closing) return;
  touched = closing = true;
  if (error) proton::put_condition(pn_connection_condition(driver.connection), fitted(*error, peer_frame_max()));
  pn_connection_open(driver.connection);  // CLOSE needs an OPEN before it
  pn_connection_close(driver.connection);
  // The engine says no CLOSE to a peer that has not said OPEN.
  if (error && (pn_connection_state(driver.connection) & PN_REMOTE_UNINIT) != 0) last_frame = close_frame(*error);
}

void Engine::State::fail(TapFault fault) {
  const Condition error = condition_of(fault);
  if (fault == TapFault::wrong_header) {
    answer_header.assign("AMQP\x03\x01\x00\x00", 8);
    closing = true;
  } else {
    close(error);
  }
  if (!std::exchange(told_closed, true)) events.on_closed(error);
}

}  // namespace twinhub::amqp
