// FLOWs of the hub's: credit for what the peer sends, its session's window, and the answer to a FLOW that asks for one, which
// the engine passes over. Each leaves behind what the engine has had to say before it.
// Source: OASIS AMQP 1.0 part 2, section 2.7.4 (flow), 2.6.7 (flow control).
#include "server/amqp/engine/engine_state.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::amqp {
namespace {

// Where a FLOW has them.
constexpr std::size_t handle_field = 4, delivery_count_field = 5, credit_field = 6, echo_field = 9;
constexpr std::uint32_t outgoing_window = 2'147'483'647;  // as the engine says in BEGIN and in its own FLOWs

}  // namespace

/// Of the session on the peer's `channel`, and of a link on it.
void Engine::State::say_flow(std::uint16_t channel, std::vector<Value> of_link) {
  if (closing) return;  // nothing follows a CLOSE
  encode();
  const auto session = inbound.sessions().renew_window(channel);
  if (!session) return;
  std::vector<Value> fields{Value::uint(session->next_incoming_id), Value::uint(incoming_window_frames),
                            Value::uint(outbound.transfers(session->hub_channel)), Value::uint(outgoing_window)};
  std::move(of_link.begin(), of_link.end(), std::back_inserter(fields));
  constexpr std::size_t fields_of_flow = 11;
  fields.resize(fields_of_flow);
  encoded += frame_of(performative::flow, fields, session->hub_channel);
  wants_flush = true;
}

std::vector<Value> Engine::State::flow_fields(const LinkState& state) {
  const std::uint32_t left = state.credit_end - state.delivery_count;
  return {Value::uint(state.handle), Value::uint(state.delivery_count),
          Value::uint(static_cast<std::int32_t>(left) > 0 ? left : 0)};
}

/// Credit and what is not settled make up what the sender may have under way. Given again when half is used up: a FLOW
/// for each message would cost more than the message.
void Engine::State::top_up(LinkState& state) {
  const auto left = static_cast<std::int32_t>(state.credit_end - state.delivery_count);
  const std::size_t out = static_cast<std::size_t>(std::max(left, 0)) + state.came.size();
  if (out > state.credit / 2 || out == state.credit) return;
  state.credit_end += static_cast<std::uint32_t>(state.credit - out);
  say_flow(state.channel, flow_fields(state));
}

/// By its handle alone, of the peer's: the engine's events may be of other links and of what was before. Null: it is of
/// the session.
LinkState* Engine::State::link_of_flow() {
  const std::int64_t handle = current->integer(handle_field, -1);
  if (handle < 0) return nullptr;
  const auto found = links.find(inbound.sessions().link_of(current_channel, static_cast<std::uint32_t>(handle)));
  return found == links.end() ? nullptr : &found->second;
}

/// REQUIRES: `current` is a FLOW that the engine has just been given, and its events are handled.
void Engine::State::take_flow() {
  LinkState* const state = link_of_flow();
  const bool has_link = state != nullptr && state->opened && !state->ended;
  const auto said = static_cast<std::uint32_t>(current->integer(delivery_count_field, 0));
  if (has_link && state->peer_sends && static_cast<std::int32_t>(said - state->delivery_count) > 0) {
    state->delivery_count = said;  // the sender has given up credit
    top_up(*state);
  }
  const bool asks = current->fields.size() > echo_field && current->fields[echo_field] == Value::boolean(true);
  if (!asks || closing || !inbound.sessions().counts(current_channel)) return;
  if (!has_link) return say_flow(current_channel);
  if (state->peer_sends) return say_flow(current_channel, flow_fields(*state));
  encode();  // what the hub has sent uses the credit
  // Messages that wait in the engine have taken of its credit, and not of the peer's.
  const auto left = static_cast<std::uint32_t>(std::max(pn_link_credit(state->link) + pn_link_queued(state->link), 0));
  const auto given = static_cast<std::uint32_t>(current->integer(credit_field, 0));
  say_flow(current_channel, {Value::uint(state->handle), Value::uint(said + given - left), Value::uint(left), Value(),
                             Value::boolean(pn_link_get_drain(state->link))});
}

}  // namespace twinhub::amqp
