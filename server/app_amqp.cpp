// The AMQP door, as the settings ask for it.
#include "config/hub_name.hpp"
#include "server/app_parts.hpp"
#include "server/data_folder.hpp"

namespace twinhub {

amqp_door::DoorOptions amqp_options(const config::Settings& settings) {
  amqp_door::DoorOptions options;
  options.login_timeout = std::chrono::seconds(settings.amqp_login_timeout_seconds);
  options.token_expiry_grace = std::chrono::seconds(settings.mqtt_token_expiry_grace_seconds);
  constexpr std::uint32_t kib = 1024;
  options.links_max = settings.amqp_links_max;
  options.sessions_max = settings.amqp_sessions_max;
  options.tokens_max = settings.amqp_tokens_max;
  options.frame_bytes_max = settings.amqp_frame_kib_max * kib;
  options.partial_bytes_max = std::size_t{settings.amqp_partial_kib_max} * kib;
  options.in_flight_max = settings.amqp_in_flight_max;
  options.in_flight_bytes_max = std::size_t{settings.amqp_in_flight_kib_max} * kib;
  options.linger = linger_limits(settings);
  options.hub_name = config::hub_name(settings);
  options.consumer_groups = settings.events_consumer_groups;
  options.created = made_at(settings.data_dir);
  return options;
}

std::vector<ops::Figure> amqp_figures(const amqp_door::DoorFigures& amqp) {
  const auto figure = [](const char* name, const char* help, std::uint64_t value, bool counter) {
    return ops::Figure{name, help, static_cast<double>(value), counter};
  };
  return {
      figure("twinhub_amqp_connections", "Open AMQP connections.", amqp.connections, false),
      figure("twinhub_amqp_web_sockets", "Of these, over WebSocket.", amqp.web_sockets, false),
      figure("twinhub_amqp_links", "Attached AMQP links.", amqp.links, false),
      figure("twinhub_amqp_links_refused_total", "AMQP links that were refused.", amqp.links_refused, true),
      figure("twinhub_amqp_tokens_accepted_total", "Tokens taken by $cbs or SASL.", amqp.tokens_accepted, true),
      figure("twinhub_amqp_tokens_refused_total", "Tokens refused by $cbs or SASL.", amqp.tokens_refused, true),
      figure("twinhub_amqp_messages_received_total", "Messages received on AMQP links.", amqp.messages_received, true),
      figure("twinhub_amqp_messages_sent_total", "Messages sent on AMQP links.", amqp.messages_sent, true),
      figure("twinhub_amqp_protocol_faults_total", "AMQP connections that broke the protocol.", amqp.protocol_faults,
             true),
      figure("twinhub_amqp_slow_readers_closed_total", "Connections closed because the peer did not read.",
             amqp.slow_readers_closed, true),
      figure("twinhub_amqp_held_back_total", "Pauses of connections that sent more than limits.device_kib_per_second.",
             amqp.held_back, true),
  };
}

}  // namespace twinhub
