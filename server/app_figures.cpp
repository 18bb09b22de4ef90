// What the metrics page shows of the rooms that app.cpp puts together.
#include "server/app_parts.hpp"
#include "server/cli/command_line.hpp"

#include <sys/statvfs.h>
#include <array>
#include <span>
#include <string>

namespace twinhub {
namespace {

using hub::Operation;

/// The operations that a door has, whether or not there was one so far.
constexpr std::array mqtt_operations{Operation::connect, Operation::telemetry, Operation::twin_read,
                                     Operation::twin_update};
constexpr std::array amqp_operations{Operation::connect, Operation::telemetry, Operation::twin_read,
                                     Operation::twin_update, Operation::c2d_send};
constexpr std::array rest_operations{Operation::telemetry, Operation::twin_read,     Operation::twin_update,
                                     Operation::registry,  Operation::query,         Operation::method,
                                     Operation::c2d_send,  Operation::c2d_receive,   Operation::file_upload,
                                     Operation::job,       Operation::configuration, Operation::unlimited};

struct OfDoor {
  const char* door;
  std::span<const Operation> operations;
  const hub::OperationTimeCounts& times;
  std::uint64_t bytes_received;
  std::uint64_t bytes_sent;
};

}  // namespace

std::vector<ops::Figure> door_figures(const mqtt_door::DoorFigures& mqtt, const amqp_door::DoorFigures& amqp,
                                      const rest::DoorFigures& rest) {
  const std::array doors{OfDoor{"mqtt", mqtt_operations, mqtt.times, mqtt.bytes_received, mqtt.bytes_sent},
                         OfDoor{"amqp", amqp_operations, amqp.times, amqp.bytes_received, amqp.bytes_sent},
                         OfDoor{"rest", rest_operations, rest.times, rest.bytes_received, rest.bytes_sent}};
  std::vector<ops::Figure> all;
  for (const OfDoor& of : doors) {
    for (const Operation operation : of.operations)
      all.push_back({"twinhub_operation_seconds",
                     "Time from an operation's request to its answer, whatever the answer was.",
                     0,
                     false,
                     {{"operation", std::string(hub::name_of(operation))}, {"door", of.door}},
                     of.times[static_cast<std::size_t>(operation)]});
  }
  for (const OfDoor& of : doors)
    all.push_back({"twinhub_received_bytes_total",
                   "Bytes that peers have sent, without TLS and WebSocket frames.",
                   static_cast<double>(of.bytes_received),
                   true,
                   {{"door", of.door}}});
  for (const OfDoor& of : doors)
    all.push_back({"twinhub_sent_bytes_total",
                   "Bytes that were sent to peers, without TLS and WebSocket frames.",
                   static_cast<double>(of.bytes_sent),
                   true,
                   {{"door", of.door}}});
  for (const auto& [status, count] : rest.responses)
    all.push_back({"twinhub_rest_responses_total",
                   "Requests answered, by HTTP status.",
                   static_cast<double>(count),
                   true,
                   {{"code", std::to_string(status)}}});
  return all;
}

std::vector<ops::Figure> hub_figures(const hub::Hub& hub, const config::Settings& settings) {
  std::vector<ops::Figure> all{
      {"twinhub_build_info",
       "1; what runs, by its labels.",
       1,
       false,
       {{"version", std::string(cli::version())}, {"commit", std::string(cli::commit())}}},
      {"twinhub_dev_mode", "1 with --dev: keys are well-known until they are renewed.", settings.dev ? 1.0 : 0.0}};
  if (const auto devices = hub.census.figures()) {
    for (const auto& [status, count] : {std::pair{"enabled", devices->enabled}, {"disabled", devices->disabled}})
      all.push_back({"twinhub_devices",
                     "Registered devices, counted some seconds ago.",
                     static_cast<double>(count),
                     false,
                     {{"status", status}}});
  }
  struct statvfs disk {};
  if (::statvfs(settings.data_dir.c_str(), &disk) == 0) {
    const auto block = static_cast<double>(disk.f_frsize);
    all.push_back({"twinhub_disk_free_bytes", "Room that the data folder's file system has for the hub.",
                   block * static_cast<double>(disk.f_bavail)});
    all.push_back({"twinhub_disk_size_bytes", "Size of that file system.", block * static_cast<double>(disk.f_blocks)});
  }
  const hub::Clock::Steps steps = hub.clock.steps();
  all.push_back({"twinhub_clock_steps_total", "How often the machine's clock was set by more than a minute.",
                 static_cast<double>(steps.count), true});
  all.push_back({"twinhub_clock_last_step_seconds", "By how much it was set the last time; negative: back.",
                 static_cast<double>(steps.last_seconds)});
  return all;
}

std::vector<ops::Figure> admission_figures(const net::Admission& admission) {
  const net::Admission::Figures now = admission.figures();
  std::vector<ops::Figure> all{
      {"twinhub_admission_connections", "Open connections of all doors.", static_cast<double>(now.connections), false},
      {"twinhub_admission_strangers", "Of these, connections that have not proved themselves.",
       static_cast<double>(now.strangers), false},
      {"twinhub_admission_stranger_bytes", "What these count for in admission.strangers_mib_max.",
       static_cast<double>(now.stranger_bytes), false}};
  return all;
}

std::vector<ops::Figure> notice_figures(const notices::Notices& kept) {
  const notices::Notices::Figures now = kept.figures();
  std::vector<ops::Figure> all;
  const auto add = [&all](const char* name, const char* help, const auto& counts) {
    for (std::size_t reason = 0; reason < reasons; ++reason)
      all.push_back({name,
                     help,
                     static_cast<double>(counts[reason]),
                     true,
                     {{"reason", std::string(notices::name_of(static_cast<Reason>(reason)))}}});
  };
  add("twinhub_connections_refused_total", "Connections, CONNECTs, tokens, links and requests that were refused.",
      now.refused);
  add("twinhub_connections_ended_total", "Connections of known peers, and of AMQP's devices, that have ended.",
      now.ended);
  all.push_back(
      {"twinhub_connection_notices_bytes", "What GET /connections has to show.", static_cast<double>(now.bytes)});
  all.push_back({"twinhub_connection_notices_left_out_total", "Counted, but too many of a minute to be kept or logged.",
                 static_cast<double>(now.left_out), true});
  return all;
}

std::vector<ops::Figure> figures(const storage::Store& store, const hub::Hub& hub, const mqtt_door::DoorFigures& mqtt,
                                 const rest::DoorFigures& rest) {
  std::vector<ops::Figure> all = ops::process_figures();
  for (auto& figure : store.figures())
    all.push_back({figure.name, figure.help, figure.value, figure.counter, figure.labels, figure.times});
  const auto add = [&all](const char* name, const char* help, std::uint64_t value, bool counter) {
    all.push_back({name, help, static_cast<double>(value), counter});
  };
  add("twinhub_storage_writable", "1 while the store takes writes.", store.writable() ? 1 : 0, false);
  add("twinhub_connected_identities", "Devices and modules with a connection.", hub.presence.connected().all(), false);
  const hub::Gate::Figures gate = hub.gate.figures();
  const hub::Methods::Figures methods = hub.methods.figures();
  const auto add_by_operation = [&all](const char* name, const char* help, const auto& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string operation(hub::name_of(static_cast<hub::Operation>(i)));
      all.push_back({name, help, static_cast<double>(values[i]), true, {{"operation", operation}}});
    }
  };
  add_by_operation("twinhub_operations_delayed_total", "Operations that waited for their turn.", gate.delayed);
  add_by_operation("twinhub_operations_refused_total",
                   "Operations refused: over the rate, over the day's messages, or by an injected fault.",
                   gate.refused);
  add("twinhub_quota_messages_today", "Messages counted since midnight UTC, with a sku.", gate.messages_today, false);
  add("twinhub_quota_daily_messages", "Messages that the sku and its units allow per day; 0 = no limit.",
      gate.daily_messages, false);
  add("twinhub_faults_injected_total", "Faults that devices asked for and got.", gate.faults, true);
  add("twinhub_mqtt_connections", "Open device connections, handshaking included.", mqtt.connections, false);
  add("twinhub_mqtt_web_sockets", "Of these, connections over WebSocket; those being closed included.",
      mqtt.web_sockets, false);
  add("twinhub_mqtt_connects_accepted_total", "CONNECTs accepted.", mqtt.connects_accepted, true);
  add("twinhub_mqtt_connects_refused_total", "CONNECTs refused.", mqtt.connects_refused, true);
  add("twinhub_mqtt_packets_received_total", "PUBLISH, SUBSCRIBE and UNSUBSCRIBE packets received.",
      mqtt.packets_received, true);
  add("twinhub_mqtt_publishes_sent_total", "PUBLISH packets sent.", mqtt.publishes_sent, true);
  add("twinhub_mqtt_protocol_faults_total", "Connections closed because the peer broke MQTT.", mqtt.protocol_faults,
      true);
  add("twinhub_mqtt_take_overs_total", "Connections closed by a newer one of the same identity.", mqtt.take_overs,
      true);
  add("twinhub_mqtt_slow_readers_closed_total", "Connections closed because the peer did not read.",
      mqtt.slow_readers_closed, true);
  add("twinhub_mqtt_held_back_total", "Pauses of connections that sent more than limits.device_kib_per_second.",
      mqtt.held_back, true);
  add("twinhub_rest_connections", "Open back-end connections.", rest.connections, false);
  add("twinhub_rest_requests_total", "Requests received.", rest.requests, true);
  const hub::ConfigurationRollout::Figures rollout = hub.configuration_rollout.figures();
  add("twinhub_configurations", "Automatic configurations.", hub.configurations.set()->ranked.size(), false);
  add("twinhub_configurations_waiting", "Changed twins that configurations have not looked at yet.", rollout.waiting,
      false);
  add("twinhub_configurations_pass", "1 while configurations look at every twin.", rollout.pass ? 1 : 0, false);
  add("twinhub_configurations_changes_total", "Twins changed for configurations.", rollout.changes, true);
  add("twinhub_configurations_not_applied_total", "Twins that could not take what a configuration says.",
      rollout.not_applied, true);
  add("twinhub_methods_pending", "Direct method calls that wait for a device.", methods.pending, false);
  add("twinhub_methods_invoked_total", "Direct methods that back ends called.", methods.invoked, true);
  add("twinhub_methods_timed_out_total", "Direct method calls that no device took or answered in time.",
      methods.timed_out, true);
  const hub::Jobs::Figures jobs = hub.jobs.figures();
  add("twinhub_jobs_running", "Jobs at work.", jobs.running, false);
  add("twinhub_jobs_waiting", "Jobs queued or scheduled.", jobs.waiting, false);
  add("twinhub_job_devices_succeeded_total", "Devices that jobs were done with.", jobs.devices_succeeded, true);
  add("twinhub_job_devices_failed_total", "Devices that jobs failed with.", jobs.devices_failed, true);
  return all;
}

}  // namespace twinhub
