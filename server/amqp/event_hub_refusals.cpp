// Where the Event Hubs-compatible endpoint turns clients away: from the hub's own address messages/events to the event
// hub's, and whoever wants to send to what is only read.
// Source: azure-docs iot-hub-amqp-support, "Receive telemetry messages"; OASIS AMQP 1.0 part 2, 2.8.16 ("Link Error");
// azure-sdk-for-python uamqp errors.py (LinkRedirect).
#include "protocol/iothub/property_bag.hpp"
#include "server/amqp/amqp_door.hpp"
#include "server/amqp/condition.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/link_kinds.hpp"

namespace twinhub::amqp_door {
namespace {

/// The name that the client reached the hub by, from its OPEN, so that the client can reach it again; the hub's own end
/// of the connection when OPEN has none.
std::string host_of(const Connection& connection, const boost::asio::ip::tcp::endpoint& here) {
  std::string host = connection.host_name();
  const std::size_t colon = host.find(':');
  if (colon != std::string::npos && host.find(':', colon + 1) == std::string::npos) host.resize(colon);  // a port
  return host.empty() ? here.address().to_string() : host;
}

/// As people write addresses: "$Default", "$management".
std::string address_segment(std::string_view segment) {
  const bool is_special = segment.starts_with('$');
  return (is_special ? "$" : "") + iothub::percent_encode(segment.substr(is_special ? 1 : 0));
}

/// `rest`: what followed messages/events.
amqp::Condition redirect(const Connection& connection, const std::string& hub_name,
                         const std::vector<std::string>& rest) {
  using amqp::Value;
  const auto here = connection.transport().local_end();
  const std::string host = host_of(connection, here);
  const bool is_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
  std::string address = "amqps://" + (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(here.port()) + "/" +
                        iothub::percent_encode(hub_name);
  for (const std::string& segment : rest) address += "/" + address_segment(segment);
  amqp::Condition made = make_condition(condition::redirect, "Events are read at the event hub's own address.");
  made.info.add(Value::symbol("hostname"), Value::string(host));
  made.info.add(Value::symbol("network-host"), Value::string(host));
  made.info.add(Value::symbol("port"), Value::int32(here.port()));
  made.info.add(Value::symbol("address"), Value::string(std::move(address)));
  return made;
}

AttachAnswer not_allowed(std::string_view why) { return refuse(make_condition(condition::not_allowed, why)); }

}  // namespace

void add_event_hub_refusals(LinkKinds& kinds, const std::string& hub_name) {
  kinds.push_back({.address = "messages/events/**",
                   .direction = Direction::peer_receives,
                   .needs = Needs::service,
                   .make = [&hub_name](const Attach& attach) {
                     return refuse(redirect(attach.connection, hub_name, attach.captured));
                   }});
  for (const std::string& address : {hub_name, hub_name + "/Partitions/{}"}) {
    kinds.push_back(
        {.address = address, .direction = Direction::peer_sends, .needs = Needs::service, .make = [](const Attach&) {
           return not_allowed("Devices alone send events: this event hub is read.");
         }});
  }
  // Documented as an address that a device may send to; no SDK does.
  kinds.push_back(
      {.address = "messages/servicebound/feedback", .direction = Direction::peer_sends, .make = [](const Attach&) {
         return not_allowed("Feedback comes about by how a device settles its messages.");
       }});
}

}  // namespace twinhub::amqp_door
