#include "server/app_control.hpp"

#include "config/hub_name.hpp"

namespace twinhub {

Control::Control(const config::Settings& settings, hub::Hub& hub, net::Threads& threads)
    : waits_(std::make_shared<control::Waits>(hub.store, hub.queries, config::hub_name(settings), threads.workers(),
                                              settings.ops_connections_max / 2)),
      site_(waits_, {.host_names = settings.host_names, .token = settings.ops_token}) {}

}  // namespace twinhub
