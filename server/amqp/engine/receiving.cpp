// Messages of the peer's. The engine is not asked: it would keep each TRANSFER as a delivery with buffers and events of its
// own, which cost more than all that the hub does with the message. So its sessions know nothing of the peer's TRANSFERs,
// and whatever tells of them (dispositions, credit, windows) is the hub's.
// Source: OASIS AMQP 1.0 part 2, section 2.6.12 (transferring a message).
#include "protocol/amqp/encode.hpp"
#include "server/amqp/engine/engine_state.hpp"
#include "server/amqp/engine/fitting.hpp"

namespace twinhub::amqp {
namespace {

constexpr std::uint8_t error_code = 0x1D, accepted_code = 0x24, rejected_code = 0x25;

Value rejected_state(const Condition& error) {
  Value fields = Value::list(
      {Value::symbol(error.name), Value::string(error.description), error.info.items.empty() ? Value() : error.info});
  return Value::described(Value::ulong(rejected_code),
                          Value::list({Value::described(Value::ulong(error_code), std::move(fields))}));
}

}  // namespace

/// REQUIRES: the TRANSFER is of a link that the peer sends on.
void Engine::State::take_transfer(const Inbound& came) {
  const LinkNumber number = came.place.link;
  const auto found = links.find(number);
  if (found == links.end()) return;
  LinkState& state = found->second;
  const Transfer& transfer = *came.transfer;
  heard = true;
  if (came.place.window_is_low) say_flow(state.channel);
  if (came.place.is_first) {
    ++state.delivery_count;
    state.partial_format = transfer.format;
    state.partial_settled = state.partial_refused = false;
    state.unfinished = came.place.delivery_id;
  }
  state.partial_settled = state.partial_settled || transfer.settled;
  if (state.ended || !state.opened || state.partial_refused || transfer.aborted) return refuse_delivery(state, came);
  if (!append_partial(number, state, transfer) || transfer.more) return;
  state.unfinished.reset();
  partial_bytes -= state.partial.size();
  Incoming incoming{next_number++, std::exchange(state.partial, {}), state.partial_format, state.partial_settled};
  if (!incoming.settled) state.came.emplace(incoming.number, came.place.delivery_id);
  top_up(state);
  events.on_delivery(number, std::move(incoming));
}

/// False: the link is over.
bool Engine::State::append_partial(LinkNumber number, LinkState& state, const Transfer& transfer) {
  state.partial += transfer.payload;
  partial_bytes += transfer.payload.size();
  std::optional<Condition> error;
  if (static_cast<std::int32_t>(state.credit_end - state.delivery_count) < 0) {
    error = {"amqp:link:transfer-limit-exceeded", "More messages came than the link had credit for"};
  } else if (state.partial.size() > state.message_bytes_max) {
    error = {"amqp:link:message-size-exceeded",
             "A message on this link may have " + std::to_string(state.message_bytes_max) + " bytes"};
  } else if (partial_bytes > limits.partial_bytes_max) {
    error = {"amqp:resource-limit-exceeded", "Too many messages of this connection have not come whole"};
  } else {
    return true;
  }
  end_link(state, *error);
  wants_flush = true;
  events.on_detached(number);
  return false;
}

/// A delivery that is settled without a state is one that Node's SDK waits for without end, and rhea cannot name: what
/// comes to a link that is over is rejected, with the link's own reason if it has one.
void Engine::State::refuse_delivery(LinkState& state, const Inbound& came) {
  drop_partial(state);
  state.unfinished.reset();
  const bool was_refused = std::exchange(state.partial_refused, true);
  if (!came.transfer->aborted && !state.partial_settled && !was_refused) {
    pn_condition_t* const why = pn_link_condition(state.link);
    Condition error{"amqp:link:detach-forced", "The link ended before the message was whole"};
    if (pn_condition_is_set(why)) error.name = pn_condition_get_name(why);
    if (const char* const text = pn_condition_is_set(why) ? pn_condition_get_description(why) : nullptr)
      error.description = text;
    dispose(state.hub_channel, came.place.delivery_id, {Outcome::Kind::rejected, std::move(error)});
    wants_flush = true;
  }
  if (!state.ended) top_up(state);
}

void Engine::State::drop_partial(LinkState& state) {
  partial_bytes -= state.partial.size();
  std::string().swap(state.partial);
}

void Engine::State::settle(LinkState& state, DeliveryNumber number, const Outcome& outcome) {
  const auto found = state.came.find(number);
  if (found == state.came.end()) return;
  const std::uint32_t delivery_id = found->second;
  state.came.erase(found);
  dispose(state.hub_channel, delivery_id, outcome);
}

/// Outcomes leave in the order in which they were given; one DISPOSITION tells of many that were accepted.
void Engine::State::dispose(std::uint16_t hub_channel, std::uint32_t delivery_id, const Outcome& outcome) {
  if (closing) return;  // nothing follows a CLOSE
  const bool is_accepted = outcome.kind == Outcome::Kind::accepted;
  if (is_accepted && accepted && accepted->hub_channel == hub_channel && accepted->last + 1 == delivery_id) {
    accepted->last = delivery_id;
    return;
  }
  say_accepted();
  if (is_accepted) {
    accepted = {hub_channel, delivery_id, delivery_id};
    return;
  }
  const Condition error =
      fitted(outcome.error.value_or(Condition{"amqp:internal-error", "No outcome"}), peer_frame_max());
  encoded += frame_of(
      performative::disposition,
      {Value::boolean(true), Value::uint(delivery_id), Value(), Value::boolean(true), rejected_state(error), Value()},
      hub_channel);
}

void Engine::State::say_accepted() {
  if (!accepted) return;
  std::string items, body;
  append_value(items, Value::boolean(true));  // the hub is the receiver
  append_value(items, Value::uint(accepted->first));
  append_value(items, accepted->last == accepted->first ? Value() : Value::uint(accepted->last));
  append_value(items, Value::boolean(true));
  append_descriptor(items, accepted_code);
  append_list(items, 0, {});
  append_value(items, {});
  constexpr std::size_t fields = 6;
  append_descriptor(body, performative::disposition);
  append_list(body, fields, items);
  append_frame(encoded, body, accepted->hub_channel);
  accepted.reset();
}

}  // namespace twinhub::amqp
