// Inputs of modules: an edge hub's to fill, for messages between modules are routed by it alone. SDKs attach them when
// a module listens for messages: the link stands, and nothing comes. All else of a module has its device's handlers.
#include "server/amqp/device.hpp"
#include "server/amqp/link_kinds.hpp"

namespace twinhub::amqp_door {
namespace {

class ModuleInputs final : public DeviceLinkHandler {};

}  // namespace

void add_module_links(LinkKinds& kinds) {
  // The first is Node's address, the second .NET's and Java's.
  for (const char* const address :
       {"devices/{}/modules/{}/messages/devicebound", "devices/{}/modules/{}/messages/events"}) {
    kinds.push_back(
        {.address = address, .direction = Direction::peer_receives, .needs = Needs::device, .make = [](const Attach&) {
           return serve(std::make_unique<ModuleInputs>());
         }});
  }
}

}  // namespace twinhub::amqp_door
