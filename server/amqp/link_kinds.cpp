#include "server/amqp/link_kinds.hpp"

#include "server/amqp/amqp_door.hpp"

namespace twinhub::amqp_door {

LinkKinds all_link_kinds(hub::Hub& hub, events::EventFeed& feed, const DoorOptions& options) {
  LinkKinds kinds;
  add_cbs_links(kinds);
  add_service_links(kinds, hub);
  add_feedback_links(kinds, hub, options.hub_name);
  add_device_links(kinds, hub);
  add_device_message_links(kinds, hub);
  add_twin_links(kinds, hub);
  add_method_links(kinds, hub);
  add_module_links(kinds);
  add_event_links(kinds, hub, feed, options);
  add_event_hub_info_links(kinds, hub, options);
  add_event_hub_refusals(kinds, options.hub_name);
  return kinds;
}

}  // namespace twinhub::amqp_door
