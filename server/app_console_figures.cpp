// Which figures the console draws, and where each comes from. As twinhub's metrics have them, so that a chart and
// Prometheus show the same; without those that cost more than a few loads, since these are read every second.
#include "server/app_console.hpp"
#include "server/ops/metrics.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>

namespace twinhub {
namespace {

using ops::FigureInfo;
using ops::FigureKind;
using Sample = ops::FiguresHistory::Sample;

struct Sources {
  hub::Gate::Figures gate;
  hub::Methods::Figures methods;
  hub::Jobs::Figures jobs;
  hub::Presence::Connected connected;
  notices::Notices::Figures notices;
  net::Admission::Figures admission;
  mqtt_door::DoorFigures mqtt;
  amqp_door::DoorFigures amqp;
  rest::DoorFigures rest;
  std::vector<storage::Store::Figure> store;
  std::uint64_t events = 0;
  std::uint64_t lag_events = 0;
  double lag_seconds = 0;
  std::filesystem::space_info disk{};

  [[nodiscard]] const storage::Store::Figure* found(std::string_view name) const {
    const auto figure =
        std::find_if(store.begin(), store.end(), [name](const auto& each) { return each.name == name; });
    return figure == store.end() ? nullptr : &*figure;
  }
  [[nodiscard]] double stored(std::string_view name) const {
    const auto* const figure = found(name);
    return figure == nullptr ? 0 : figure->value;
  }
  [[nodiscard]] TimeCounts timed(std::string_view name) const {
    const auto* const figure = found(name);
    return figure == nullptr ? TimeCounts{} : figure->times.value_or(TimeCounts{});
  }
  /// Made durable.
  [[nodiscard]] double events_of(std::string_view source) const {
    for (const auto& each : store) {
      if (each.name == "twinhub_events_total" && !each.labels.empty() && each.labels.front().second == source)
        return each.value;
    }
    return 0;
  }
  /// Of HTTP: all statuses that begin with this digit.
  [[nodiscard]] double answered(unsigned first_digit) const;
  /// By all doors.
  [[nodiscard]] double done(hub::Operation operation) const;
};

template <class Counts>
double sum_of(const Counts& counts) {
  return static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
}
double number(std::uint64_t value) { return static_cast<double>(value); }

double Sources::answered(unsigned first_digit) const {
  std::uint64_t sum = 0;
  for (auto at = rest.responses.lower_bound(100 * first_digit); at != rest.responses.end(); ++at) {
    if (at->first >= 100 * (first_digit + 1)) break;
    sum += at->second;
  }
  return number(sum);
}

double Sources::done(hub::Operation operation) const {
  const auto of = [operation](const auto& door) {
    return sum_of(door.times[static_cast<std::size_t>(operation)].buckets);
  };
  return of(mqtt) + of(amqp) + of(rest);
}

struct Row {
  FigureInfo info;
  Sample (*sample)(const Sources& from);
};

constexpr FigureKind gauge = FigureKind::gauge, rate = FigureKind::rate, mean = FigureKind::mean;

constexpr Row rows[] = {
    {{"connected", "twinhub_connected_identities", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.connected.all())}; }},
    {{"connected_devices", "twinhub_connected_identities", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.connected.devices)}; }},
    {{"connections", "twinhub_admission_connections", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.admission.connections)}; }},
    {{"strangers", "twinhub_admission_strangers", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.admission.strangers)}; }},
    {{"mqtt_connections", "twinhub_mqtt_connections", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.mqtt.connections)}; }},
    {{"amqp_connections", "twinhub_amqp_connections", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.amqp.connections)}; }},
    {{"rest_connections", "twinhub_rest_connections", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.rest.connections)}; }},
    {{"connects", "twinhub_mqtt_connects_accepted_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {number(s.mqtt.connects_accepted)}; }},
    {{"refusals", "twinhub_connections_refused_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {sum_of(s.notices.refused)}; }},
    {{"ends", "twinhub_connections_ended_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {sum_of(s.notices.ended)}; }},
    {{"methods", "twinhub_methods_invoked_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {number(s.methods.invoked)}; }},
    {{"methods_pending", "twinhub_methods_pending", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.methods.pending)}; }},
    {{"jobs_running", "twinhub_jobs_running", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.jobs.running)}; }},
    {{"mqtt_packets_in", "twinhub_mqtt_packets_received_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {number(s.mqtt.packets_received)}; }},
    {{"mqtt_publishes_out", "twinhub_mqtt_publishes_sent_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {number(s.mqtt.publishes_sent)}; }},
    {{"amqp_messages_in", "twinhub_amqp_messages_received_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {number(s.amqp.messages_received)}; }},
    {{"amqp_messages_out", "twinhub_amqp_messages_sent_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {number(s.amqp.messages_sent)}; }},
    {{"rest_requests", "twinhub_rest_requests_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {number(s.rest.requests)}; }},
    {{"rest_2xx", "twinhub_rest_responses_total", "code=~\"2..\"", rate, "1/s"},
     [](const Sources& s) -> Sample { return {s.answered(2)}; }},
    {{"rest_4xx", "twinhub_rest_responses_total", "code=~\"4..\"", rate, "1/s"},
     [](const Sources& s) -> Sample { return {s.answered(4)}; }},
    {{"rest_5xx", "twinhub_rest_responses_total", "code=~\"5..\"", rate, "1/s"},
     [](const Sources& s) -> Sample { return {s.answered(5)}; }},
    {{"messages", "twinhub_operation_seconds_count", "operation=\"telemetry\"", rate, "1/s"},
     [](const Sources& s) -> Sample { return {s.done(hub::Operation::telemetry)}; }},
    {{"twin_reads", "twinhub_operation_seconds_count", "operation=\"twin_read\"", rate, "1/s"},
     [](const Sources& s) -> Sample { return {s.done(hub::Operation::twin_read)}; }},
    {{"twin_updates", "twinhub_operation_seconds_count", "operation=\"twin_update\"", rate, "1/s"},
     [](const Sources& s) -> Sample { return {s.done(hub::Operation::twin_update)}; }},
    {{"delayed", "twinhub_operations_delayed_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {sum_of(s.gate.delayed)}; }},
    {{"throttled", "twinhub_operations_refused_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {sum_of(s.gate.refused)}; }},
    {{"commits", "twinhub_storage_commit_cycles_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {s.stored("twinhub_storage_commit_cycles_total")}; }},
    {{"commit_units", "twinhub_storage_commit_units_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {s.stored("twinhub_storage_commit_units_total")}; }},
    {{"commit_mean_seconds", "twinhub_storage_commit_seconds_sum", "", mean, "s"},
     [](const Sources& s) -> Sample {
       const TimeCounts times = s.timed("twinhub_storage_commit_seconds");
       return {number(times.nanoseconds) / 1e9, sum_of(times.buckets)};
     }},
    {{"commit_p50_seconds", "twinhub_storage_commit_p50_seconds", "", gauge, "s"},
     [](const Sources& s) -> Sample { return {s.stored("twinhub_storage_commit_p50_seconds")}; }},
    {{"commit_p99_seconds", "twinhub_storage_commit_p99_seconds", "", gauge, "s"},
     [](const Sources& s) -> Sample { return {s.stored("twinhub_storage_commit_p99_seconds")}; }},
    {{"queued_bytes", "twinhub_storage_queued_bytes", "", gauge, "B"},
     [](const Sources& s) -> Sample { return {s.stored("twinhub_storage_queued_bytes")}; }},
    {{"events", "twinhub_events_total", "", rate, "1/s"},
     [](const Sources& s) -> Sample { return {number(s.events)}; }},
    {{"lifecycle_events", "twinhub_events_total", "source=\"DeviceLifecycleEvents\"", rate, "1/s"},
     [](const Sources& s) -> Sample { return {s.events_of("DeviceLifecycleEvents")}; }},
    {{"lag_events", "twinhub_endpoint_lag_events", "", gauge, ""},
     [](const Sources& s) -> Sample { return {number(s.lag_events)}; }},
    {{"lag_seconds", "twinhub_endpoint_lag_seconds", "", gauge, "s"},
     [](const Sources& s) -> Sample { return {s.lag_seconds}; }},
    {{"memory_bytes", "process_resident_memory_bytes", "", gauge, "B"},
     [](const Sources&) -> Sample { return {ops::resident_bytes()}; }},
    {{"cpu_cores", "process_cpu_seconds_total", "", rate, ""},
     [](const Sources&) -> Sample { return {ops::cpu_seconds()}; }},
    {{"disk_free_bytes", "twinhub_disk_free_bytes", "", gauge, "B"},
     [](const Sources& s) -> Sample { return {static_cast<double>(s.disk.available)}; }},
    {{"disk_total_bytes", "twinhub_disk_size_bytes", "", gauge, "B"},
     [](const Sources& s) -> Sample { return {static_cast<double>(s.disk.capacity)}; }},
};
static_assert(std::size(rows) <= ops::FiguresHistory::figures_max);

}  // namespace

std::span<const ops::FigureInfo> console_figures() {
  static const auto infos = [] {
    std::array<FigureInfo, std::size(rows)> all;
    std::transform(std::begin(rows), std::end(rows), all.begin(), [](const Row& row) { return row.info; });
    return all;
  }();
  return infos;
}

void add_console_figures(ops::FiguresHistory& history, const ConsoleParts& parts, const std::string& data_dir) {
  const hub::Hub& hub = parts.hub;
  Sources sources{hub.gate.figures(),      hub.methods.figures(),     hub.jobs.figures(),   hub.presence.connected(),
                  parts.notices.figures(), parts.admission.figures(), parts.mqtt.figures(), parts.amqp.figures(),
                  parts.rest.figures(),    hub.store.figures()};
  for (const auto& range : hub.store.event_ranges()) sources.events += range.next;
  for (const auto& endpoint : parts.endpoints.figures()) {
    sources.lag_events += endpoint.figures.lag_events;
    sources.lag_seconds = std::max(sources.lag_seconds, endpoint.figures.lag_seconds);
  }
  std::error_code ignored;
  sources.disk = std::filesystem::space(data_dir, ignored);
  std::array<Sample, std::size(rows)> samples;
  std::transform(std::begin(rows), std::end(rows), samples.begin(),
                 [&sources](const Row& row) { return row.sample(sources); });
  history.add(samples, hub.clock.steady().ticks / ticks_per_second, hub.clock.wall());
}

}  // namespace twinhub
