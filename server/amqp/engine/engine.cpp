#include "server/amqp/engine/engine_state.hpp"
#include "server/amqp/engine/fitting.hpp"

#include <algorithm>
#include <cassert>

namespace twinhub::amqp {
namespace {

// Measured with Proton 0.37 (tests/unit/server/amqp): what an engine takes by itself, for a session or link, for each value
// of a performative that it remembers, and how often it has the texts of one, buffers that grew for them included.
constexpr std::size_t engine_memory = 28 * 1024, endpoint_memory = 3 * 1024, value_memory = 160, copies = 8;

constexpr std::uint32_t sign_of_life_ms = 1000;

std::size_t values_in(const std::vector<Value>& values) {
  std::size_t count = values.size();
  for (const Value& value : values) count += values_in(value.items);
  return count;
}

std::uint64_t state_of(Outcome::Kind kind) { return kind == Outcome::Kind::rejected ? PN_REJECTED : PN_ACCEPTED; }

}  // namespace

Engine::Engine(EngineEvents& events, const EngineLimits& limits, std::string mechanisms, std::string container)
    : state_(std::make_unique<State>(events, limits, std::move(mechanisms), std::move(container))) {}

Engine::~Engine() = default;

bool Engine::receive(std::string_view bytes) {
  State& s = *state_;
  s.wants_flush = true;
  if (s.closing) return false;
  s.wants_flush = false;
  const auto fault = s.inbound.receive(bytes, [&s](const Inbound& inbound) {
    s.pass(inbound);
    return !s.closing;
  });
  if (fault) s.fail(*fault);
  s.dispatch();
  if (s.closing) s.wants_flush = true;
  return !s.closing;
}

/// Gives the engine one frame.
void Engine::State::pass(const Inbound& came) {
  if (came.transfer && came.place.link != 0) return take_transfer(came);
  current = came.performative ? &*came.performative : nullptr;
  current_channel = came.channel;
  touched = wants_flush = true;
  if (current != nullptr && current->code <= performative::attach && !remember(came.bytes.size())) return;
  std::string_view frame = came.bytes;
  while (!frame.empty()) {
    const ssize_t taken = pn_transport_push(driver.transport, frame.data(), frame.size());
    dispatch();
    if (taken <= 0) break;  // the engine has closed its end
    frame.remove_prefix(static_cast<std::size_t>(taken));
  }
  if (current != nullptr && current->code == performative::flow) take_flow();
  current = nullptr;
}

bool Engine::wants_flush() const { return state_->wants_flush; }

bool Engine::take_output(std::string& out, std::size_t enough) {
  State& s = *state_;
  if (!s.answer_header.empty()) out += std::exchange(s.answer_header, {});
  s.dispatch();
  s.say_accepted();
  if (!s.encoded.empty() && out.size() <= enough) {
    const std::size_t taken = std::min(s.encoded.size() - 1, enough - out.size()) + 1;
    out.append(s.encoded, 0, taken);
    s.encoded.erase(0, taken);
    if (s.encoded.empty()) std::string().swap(s.encoded);
  }
  while (s.touched && s.encoded.empty() && out.size() <= enough) {
    s.finish_drains();
    const ssize_t pending = pn_transport_pending(s.driver.transport);
    s.unsent_answers = false;
    if (pending <= 0) {
      s.touched = s.dispatch() || !s.draining.empty();
      out += std::exchange(s.last_frame, {});
      return false;
    }
    const auto bytes = static_cast<std::size_t>(pending);
    s.outbound.send({pn_transport_head(s.driver.transport), bytes}, s.peer_frame_max(), out);
    pn_transport_pop(s.driver.transport, bytes);
    s.spoke = true;
    s.dispatch();
  }
  return !s.encoded.empty() || (s.touched && pn_transport_pending(s.driver.transport) > 0);
}

bool Engine::finished() const {
  return state_->closing && state_->last_frame.empty() && state_->encoded.empty() && !state_->accepted &&
         pn_transport_pending(state_->driver.transport) <= 0;
}

bool Engine::is_closing() const { return state_->closing; }

std::int64_t Engine::tick(std::int64_t now_ms) {
  State& s = *state_;
  // The engine ends a connection whose peer is silent, and TRANSFERs pass it by. A frame without a body is a sign of life.
  const std::int64_t soon = std::min(sign_of_life_ms, s.limits.idle_timeout_ms / 4);
  if (!s.touched && !s.spoke && now_ms < s.tick_due_ms && now_ms - s.ticked_at_ms < soon) return s.tick_due_ms;
  s.touched = true;
  s.spoke = false;
  s.ticked_at_ms = now_ms;
  if (s.heard && now_ms - s.told_at_ms >= soon) {
    s.heard = false;
    s.told_at_ms = now_ms;
    constexpr std::string_view sign_of_life("\0\0\0\x08\x02\0\0\0", 8);
    (void)pn_transport_push(s.driver.transport, sign_of_life.data(), sign_of_life.size());
  }
  s.tick_due_ms = pn_transport_tick(s.driver.transport, now_ms);
  s.dispatch();
  return s.tick_due_ms;
}

std::size_t Engine::State::peer_frame_max() const {
  return std::max<std::size_t>(pn_transport_get_remote_max_frame(driver.transport), 512);
}

/// Puts what the hub has asked for so far in front of what it asks for next. The engine encodes nothing while its own
/// buffer is full of what the transport has not taken: that is moved on. Events of it come with the next dispatch().
void Engine::State::encode() {
  say_accepted();
  if (!touched) return;
  unsent_answers = false;
  for (ssize_t pending = pn_transport_pending(driver.transport); pending > 0;
       pending = pn_transport_pending(driver.transport)) {
    outbound.send({pn_transport_head(driver.transport), static_cast<std::size_t>(pending)}, peer_frame_max(), encoded);
    pn_transport_pop(driver.transport, static_cast<std::size_t>(pending));
    spoke = true;
  }
}

/// Of a link that is over: the session counts such bytes for as long as they wait.
void Engine::State::drop_unsent(LinkState& state) {
  for (const auto& [number, one] : state.deliveries) {
    if (pn_delivery_pending(one.delivery) > 0) pn_delivery_abort(one.delivery);
  }
}

/// Of an OPEN, BEGIN or ATTACH, before the engine has it. False: it would take too much, and the connection ends.
bool Engine::State::remember(std::size_t frame_bytes) {
  announced = copies * frame_bytes + value_memory * values_in(current->fields) + endpoint_memory;
  const bool is_large = current->code == performative::attach && announced > ordinary_memory;
  if (!known) remembered += announced;
  if (remembered <= limits.stranger_memory_max && (!is_large || large_memory + announced <= limits.large_memory_max))
    return true;
  close(Condition{"amqp:resource-limit-exceeded", "What the connection's OPEN and ATTACHes hold is too much"});
  return false;
}

std::size_t Engine::waiting_bytes() const { return state_->encoded.size(); }
void Engine::close(const std::optional<Condition>& error) { state_->close(error); }
void Engine::set_known() { state_->known = true; }
std::size_t Engine::unfinished_memory() const { return state_->inbound.kept_memory() + state_->partial_bytes; }
std::size_t Engine::stranger_memory() const { return engine_memory + state_->remembered; }

void Engine::accept(LinkNumber number, const AcceptOptions& options) {
  LinkState* const state = state_->find(number);
  if (state == nullptr || state->opened) return;
  state->opened = true;
  state->message_bytes_max =
      options.message_bytes_max > 0 ? options.message_bytes_max : state_->limits.message_bytes_max;
  state_->answer_attach(*state, options.properties);
  if (state->peer_sends) set_credit(number, options.credit);
}

void Engine::refuse(LinkNumber number, const Value& properties) {
  LinkState* const state = state_->find(number);
  if (state == nullptr || state->opened) return;
  state_->answer_attach(*state, properties);
}

void Engine::detach(LinkNumber number, const Condition& error) {
  if (LinkState* const state = state_->find(number)) state_->end_link(*state, error);
}

bool Engine::is_attached(LinkNumber number) const { return state_->find(number) != nullptr; }

void Engine::set_credit(LinkNumber number, std::uint32_t credit) {
  LinkState* const state = state_->find(number);
  if (state == nullptr) return;
  state->credit = credit;
  if (credit > 0) state_->top_up(*state);
}

void Engine::settle(LinkNumber number, DeliveryNumber delivery_number, const Outcome& outcome) {
  assert(outcome.kind == Outcome::Kind::accepted || (outcome.kind == Outcome::Kind::rejected && outcome.error));
  LinkState* const state = state_->find(number);
  if (state == nullptr) return;
  state_->settle(*state, delivery_number, outcome);
  state_->top_up(*state);
}

void Engine::answer(LinkNumber number, DeliveryNumber delivery_number, const Outcome& outcome) {
  if (LinkState* const state = state_->find(number)) state_->answer(*state, delivery_number, outcome);
}

void Engine::State::answer(LinkState& link, DeliveryNumber number, const Outcome& outcome) {
  pn_delivery_t* const delivery = take_delivery(link, number);
  if (delivery == nullptr) return;
  touched = true;
  if (outcome.error) {
    proton::put_condition(pn_disposition_condition(pn_delivery_local(delivery)),
                          fitted(*outcome.error, peer_frame_max()));
  }
  pn_delivery_update(delivery, state_of(outcome.kind));
  pn_delivery_settle(delivery);
  unsent_answers = true;
}

void Engine::forget(LinkNumber number, DeliveryNumber delivery_number) {
  LinkState* const state = state_->find(number);
  if (state == nullptr) return;
  pn_delivery_t* const delivery = state_->take_delivery(*state, delivery_number);
  if (delivery == nullptr) return;
  state_->touched = true;
  pn_delivery_settle(delivery);
}

std::uint32_t Engine::credit(LinkNumber number) const {
  LinkState* const state = state_->find(number);
  return state == nullptr ? 0 : static_cast<std::uint32_t>(std::max(pn_link_credit(state->link), 0));
}

bool Engine::has_room(LinkNumber number) const {
  LinkState* const state = state_->find(number);
  return state != nullptr && state->deliveries.size() < state_->limits.unsettled_max &&
         state->unsettled_bytes < state_->limits.unsettled_bytes_max &&
         state_->unsettled_bytes < state_->limits.all_unsettled_bytes_max &&
         pn_session_outgoing_bytes(pn_link_session(state->link)) < state_->limits.unsent_bytes_max &&
         state_->unsent_bytes() + state_->encoded.size() < state_->limits.all_unsent_bytes_max;
}

DeliveryNumber Engine::send(LinkNumber number, std::string_view message, std::string_view tag, bool settled) {
  LinkState* const state = state_->find(number);
  if (state == nullptr) return 0;
  assert(pn_link_is_sender(state->link) && pn_link_credit(state->link) > 0);
  // Outcomes leave before what is sent after them: the engine would encode its own behind this transfer, and a reply before
  // its request's disposition crashes uAMQP.
  if (state_->unsent_answers) state_->encode();
  state_->say_accepted();
  state_->touched = true;
  const DeliveryNumber delivery_number = state_->next_number++;
  pn_delivery_t* const delivery = pn_delivery(state->link, pn_dtag(tag.data(), tag.size()));
  pn_delivery_set_context(delivery, as_context(delivery_number));
  pn_link_send(state->link, message.data(), message.size());
  state_->unsent_at_most += message.size();
  if (settled) {
    pn_delivery_settle(delivery);
  } else {
    pn_link_advance(state->link);
    state->deliveries.emplace(delivery_number, DeliveryState{delivery, message.size()});
    state->unsettled_bytes += message.size();
    state_->unsettled_bytes += message.size();
  }
  return delivery_number;
}

void Engine::drained(LinkNumber number) {
  if (state_->find(number) == nullptr) return;
  auto& draining = state_->draining;
  if (std::find(draining.begin(), draining.end(), number) == draining.end()) draining.push_back(number);
  state_->touched = true;
  state_->finish_drains();
}

/// The engine looks once whether a link's last message has left, and forgets the drain when it has not: it is told when
/// nothing waits.
void Engine::State::finish_drains() {
  std::erase_if(draining, [this](LinkNumber number) {
    const LinkState* const link = find(number);
    if (link != nullptr && pn_session_outgoing_bytes(pn_link_session(link->link)) > 0) return false;
    if (link != nullptr) pn_link_drained(link->link);
    return true;
  });
}

}  // namespace twinhub::amqp
