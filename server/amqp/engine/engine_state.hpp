// The engine's inside: Qpid Proton's connection, and what is kept beside it for each link. engine_events.cpp acts on
// what the library reports, engine.cpp on what the hub wants.
#pragma once

#include "server/amqp/engine/engine.hpp"
#include "server/amqp/engine/proton.hpp"
#include "server/amqp/engine/tap.hpp"

#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/event.h>
#include <proton/link.h>
#include <proton/logger.h>
#include <proton/session.h>
#include <proton/terminus.h>
#include <proton/transport.h>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

namespace twinhub::amqp {

/// One of the hub's that is not settled.
struct DeliveryState {
  pn_delivery_t* delivery = nullptr;
  std::size_t bytes = 0;  ///< the engine keeps the message until it is settled
};

struct LinkState {
  pn_link_t* link = nullptr;
  bool peer_sends = false;
  std::uint16_t channel = 0, hub_channel = 0;  ///< of its session: the peer's, and the hub's
  // Where the peer sends
  std::string partial = {};  ///< of the delivery that is coming
  std::uint32_t partial_format = 0;
  bool partial_settled = false;
  std::optional<std::uint32_t> unfinished = {};                 ///< its delivery-id
  bool partial_refused = false;                                 ///< it has its outcome already
  std::uint32_t credit = 0;                                     ///< what is kept topped up
  std::uint32_t delivery_count = 0, credit_end = 0;             ///< how many deliveries have begun, and may
  std::unordered_map<DeliveryNumber, std::uint32_t> came = {};  ///< what is not settled, by its delivery-id
  std::size_t message_bytes_max = 0;
  bool opened = false;           ///< answered
  bool ended = false;            ///< by the hub: what the peer still sends is dropped
  std::uint32_t handle = 0;      ///< the hub's, once it was opened
  std::size_t large_memory = 0;  ///< what its ATTACH takes, if that is more than ordinary
  std::unordered_map<DeliveryNumber, DeliveryState> deliveries = {};  ///< where the hub sends
  std::size_t unsettled_bytes = 0;                                    ///< of `deliveries`
};

/// What an ATTACH may take that is bounded by the number of links alone: 8 KiB of frame, 300 values.
inline constexpr std::size_t ordinary_memory = 112 * 1024;

inline void* as_context(std::uint64_t number) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(number)); }
inline std::uint64_t as_number(void* context) {
  return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(context));
}

struct Engine::State {
  State(EngineEvents& events_in, const EngineLimits& limits_in, std::string mechanisms_in, std::string container_in)
      : events(events_in),
        limits(limits_in),
        mechanisms(std::move(mechanisms_in)),
        container(std::move(container_in)),
        inbound(limits_in.frame_bytes_max),
        outbound(inbound.sessions()) {
    if (pn_connection_driver_init(&driver, nullptr, nullptr) != 0) throw std::bad_alloc();
    pn_transport_t* const transport = driver.transport;
    // It would write what peers do to standard error; what is of use comes as an event.
    pn_logger_reset_mask(pn_transport_logger(transport), PN_SUBSYSTEM_ALL, PN_LEVEL_ALL);
    pn_transport_set_server(transport);
    pn_transport_require_auth(transport, false);  // the bare AMQP header: tokens come by $cbs
    proton::set_up_sasl(
        transport, mechanisms.c_str(),
        [this](std::string_view mechanism, std::string_view response) { return events.on_sasl(mechanism, response); },
        sasl);
    pn_transport_set_max_frame(transport, limits.frame_bytes_max);
    pn_transport_set_channel_max(transport, limits.channel_max);
    pn_transport_set_idle_timeout(transport, 2 * limits.idle_timeout_ms);  // half of it is announced
    pn_connection_set_container(driver.connection, container.c_str());
    pn_connection_driver_bind(&driver);
  }
  ~State() { pn_connection_driver_destroy(&driver); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Events of the engine
  bool dispatch();
  void handle(pn_event_t* event);
  void opened();
  void session_began(pn_session_t* session);
  void link_attached(pn_link_t* link);
  void settled_by_peer(pn_link_t* link, pn_delivery_t* delivery);
  void link_left(pn_link_t* link, bool closes);
  void session_left(pn_session_t* session);
  void connection_left();
  void transport_failed();

  [[nodiscard]] LinkState* find(LinkNumber number) {
    const auto found = links.find(number);
    return found == links.end() || found->second.ended ? nullptr : &found->second;
  }
  [[nodiscard]] LinkState* find_any(pn_link_t* link) {
    const auto found = links.find(as_number(pn_link_get_context(link)));
    return found == links.end() ? nullptr : &found->second;
  }
  [[nodiscard]] pn_delivery_t* take_delivery(LinkState& link, DeliveryNumber number);
  void answer(LinkState& link, DeliveryNumber number, const Outcome& outcome);
  void answer_attach(LinkState& state, const Value& properties);
  void end_link(LinkState& state, const Condition& error);
  // What the peer sends: receiving.cpp
  void take_transfer(const Inbound& came);
  [[nodiscard]] bool append_partial(LinkNumber number, LinkState& state, const Transfer& transfer);
  void refuse_delivery(LinkState& state, const Inbound& came);
  void drop_partial(LinkState& state);
  void settle(LinkState& state, DeliveryNumber number, const Outcome& outcome);
  void dispose(std::uint16_t hub_channel, std::uint32_t delivery_id, const Outcome& outcome);
  void say_accepted();
  // FLOWs: flows.cpp
  void top_up(LinkState& state);
  void say_flow(std::uint16_t channel, std::vector<Value> of_link = {});
  [[nodiscard]] static std::vector<Value> flow_fields(const LinkState& state);
  void forget(LinkNumber number);
  void fail(TapFault fault);
  [[nodiscard]] bool remember(std::size_t frame_bytes);
  void pass(const Inbound& came);
  [[nodiscard]] LinkState* link_of_flow();
  void take_flow();
  void close(const std::optional<Condition>& error);
  void encode();
  void drop_unsent(LinkState& state);
  void finish_drains();
  [[nodiscard]] std::size_t peer_frame_max() const;
  [[nodiscard]] std::size_t unsent_bytes();
  [[nodiscard]] std::size_t links_max() const { return known ? limits.links_max : limits.stranger_links_max; }

  EngineEvents& events;
  const EngineLimits limits;
  const std::string mechanisms;
  const std::string container;
  proton::Sasl sasl;
  pn_connection_driver_t driver{};
  InboundTap inbound;
  OutboundTap outbound;
  const Performative* current = nullptr;  ///< of the frame that the engine is being given
  std::uint16_t current_channel = 0;
  std::string encoded;        ///< taken from the engine before it was asked for: see encode()
  std::string last_frame;     ///< behind everything that the engine has to say
  std::string answer_header;  ///< to a peer whose first bytes are no header of ours
  std::unordered_map<LinkNumber, LinkState> links;
  std::vector<LinkNumber> draining;  ///< whose drained() waits until what was sent has left
  std::uint64_t next_number = 1;
  std::size_t sessions = 0;
  std::size_t partial_bytes = 0;
  /// Deliveries of one session that were accepted, one after the other: not said so far.
  struct Accepted {
    std::uint16_t hub_channel = 0;
    std::uint32_t first = 0, last = 0;
  };
  std::optional<Accepted> accepted;
  std::size_t unsettled_bytes = 0;  ///< of all links
  std::size_t remembered = 0;       ///< memory for what a stranger has announced, at most
  std::size_t announced = 0;        ///< likewise, for the performative in `current`
  std::size_t large_memory = 0;     ///< likewise, for the large ATTACHes of links that are there
  std::size_t unsent_at_most = 0;   ///< of all sessions, as far as it is known without asking each
  bool known = false;
  bool closing = false;  ///< no more input is wanted
  bool told_closed = false;
  bool touched = true;          ///< the engine may have events or output: what only the hub knows of does not ask it
  bool unsent_answers = false;  ///< to outcomes of the peer's: the engine has not encoded them
  bool spoke = false;           ///< the engine has had output since the last tick
  bool heard = false;           ///< the peer has sent what the engine does not know of: see tick()
  std::int64_t told_at_ms = 0;  ///< when the engine was told so last
  std::int64_t ticked_at_ms = 0, tick_due_ms = 0;
  bool wants_flush = false;  ///< see Engine::wants_flush()
};

}  // namespace twinhub::amqp
