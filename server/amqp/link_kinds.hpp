// The table of links that the door serves: by address and direction, what right they need, and what makes their
// handler. Each group of kinds has a file of its own and one line in link_kinds.cpp.
#pragma once

#include "server/amqp/amqp_door.hpp"
#include "server/amqp/condition.hpp"
#include "server/amqp/link.hpp"
#include "server/hub/hub.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::amqp_door {

enum class Direction : std::uint8_t { peer_sends, peer_receives };

/// What the connection must have proved before the link is attached.
enum class Needs : std::uint8_t {
  nothing,           ///< $cbs
  service,           ///< a policy's token with ServiceConnect that covers the link's address
  service_anywhere,  ///< one that is for anything at this hub
  device,            ///< the device (or module) that the address's first two `{}` name; it is connected from then on
};

/// An ATTACH that has passed the check of rights.
struct Attach {
  Connection& connection;
  const amqp::AttachRequest& request;
  const std::vector<std::string>& captured;
  Device* device;  ///< of kinds that need one; else null
};

/// What becomes of an ATTACH: a handler, or a refusal.
struct AttachAnswer {
  std::unique_ptr<LinkHandler> handler;
  std::optional<amqp::Condition> refusal;
  amqp::Value properties = amqp::Value::map();  ///< of the answer, beside com.microsoft:tracking-id
};
template <class Handler>
[[nodiscard]] AttachAnswer serve(std::unique_ptr<Handler> handler) {
  return {std::move(handler), std::nullopt};
}
[[nodiscard]] inline AttachAnswer refuse(amqp::Condition why) { return {nullptr, std::move(why)}; }

struct LinkKind {
  std::string address;  ///< a pattern: see protocol/amqp/link_address.hpp
  Direction direction = Direction::peer_sends;
  Needs needs = Needs::nothing;
  /// Called on the connection's thread; kinds of several threads are one object: it may not be changed.
  std::function<AttachAnswer(const Attach&)> make;
  std::uint32_t credit = 100;               ///< where the peer sends: kept topped up
  std::size_t message_bytes_max = 1 << 20;  ///< where the peer sends: past it the link is detached
  std::size_t links_max = std::numeric_limits<std::size_t>::max();  ///< of one connection
};
/// LinkKind::links_max where one link serves a whole session.
inline constexpr std::size_t shared_links_max = 64;
using LinkKinds = std::vector<LinkKind>;

/// All outlive the table.
[[nodiscard]] LinkKinds all_link_kinds(hub::Hub& hub, events::EventFeed& feed, const DoorOptions& options);

// The groups, each in the file of its name.
void add_cbs_links(LinkKinds& kinds);
void add_service_links(LinkKinds& kinds, hub::Hub& hub);
void add_feedback_links(LinkKinds& kinds, hub::Hub& hub, const std::string& hub_name);
void add_device_links(LinkKinds& kinds, hub::Hub& hub);
void add_device_message_links(LinkKinds& kinds, hub::Hub& hub);
void add_twin_links(LinkKinds& kinds, hub::Hub& hub);
void add_method_links(LinkKinds& kinds, hub::Hub& hub);
void add_module_links(LinkKinds& kinds);
void add_event_links(LinkKinds& kinds, hub::Hub& hub, events::EventFeed& feed, const DoorOptions& options);
void add_event_hub_info_links(LinkKinds& kinds, hub::Hub& hub, const DoorOptions& options);
void add_event_hub_refusals(LinkKinds& kinds, const std::string& hub_name);

}  // namespace twinhub::amqp_door
