#include "server/app_events.hpp"

#include "config/changes.hpp"
#include "config/hub_name.hpp"
#include "config/url.hpp"
#include "server/events/event_tail.hpp"
#include "server/events/file_sink.hpp"
#include "server/events/mqtt_sink.hpp"
#include "server/events/webhook_sink.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace twinhub {
namespace {

constexpr std::string_view broker_endpoint = "broker";

events::EndpointSet set_of(const config::Routing& routing, const std::vector<std::string>& names) {
  events::EndpointSet set;
  for (const std::string& name : names) {
    if (name == config::built_in_endpoint) set.set(events::built_in_bit);
    for (std::size_t i = 0; i < routing.endpoints.size(); ++i) {
      if (routing.endpoints[i].name == name) set.set(i);
    }
  }
  return set;
}

Result<events::Router> make_router(const config::Settings& settings, const config::Routing& routing) {
  events::RouterOptions options;
  options.hub_name = config::hub_name(settings);
  for (const auto& route : routing.routes) {
    const auto source = events::source_of(route.source);
    if (!source) return fail(Errc::argument_invalid, route.place + ": there is no source '" + route.source + "'");
    options.routes.push_back(
        {route.place, route.name, *source, route.condition, set_of(routing, route.endpoints), route.enabled});
  }
  if (routing.fallback.enabled) options.fallback = set_of(routing, routing.fallback.endpoints);
  for (const auto& enrichment : routing.enrichments)
    options.enrichments.push_back({enrichment.key, enrichment.value, set_of(routing, enrichment.endpoints)});
  return events::Router::make(std::move(options));
}

Result<std::unique_ptr<events::Sink>> make_bare_sink(const config::EndpointSettings& endpoint, const std::string& hub) {
  constexpr std::uint64_t mib = 1U << 20;
  const std::chrono::seconds timeout(endpoint.timeout_seconds);
  if (endpoint.type == "file") return events::make_file_sink({endpoint.path, endpoint.rotate_mib * mib, endpoint.keep});
  if (endpoint.type == "webhook") {
    return events::make_webhook_sink({.url = endpoint.url,
                                      .shown_url = config::shown_url(endpoint.url),
                                      .target = {.ca = endpoint.ca,
                                                 .certificate = endpoint.certificate,
                                                 .private_key = endpoint.private_key,
                                                 .timeout = timeout,
                                                 .answer_bytes_max = endpoint.answer_kib_max * std::uint64_t{1024}},
                                      .headers = endpoint.headers,
                                      .hub_name = hub,
                                      .single = endpoint.batch == 1});
  }
  return events::make_mqtt_sink(
      {.url = endpoint.url,
       .shown_url = config::shown_url(endpoint.url),
       .client_id = endpoint.client_id.empty() ? "twinhub-" + hub + "-" + endpoint.name : endpoint.client_id,
       .user = endpoint.user,
       .password = endpoint.password,
       .ca = endpoint.ca,
       .certificate = endpoint.certificate,
       .private_key = endpoint.private_key,
       .topic = endpoint.topic,
       .hub_name = hub,
       .envelope = endpoint.format == "envelope",
       .mqtt_5 = endpoint.version == "5",
       .window = endpoint.window,
       .timeout = timeout});
}

/// Errors name the endpoint and its place in the settings.
Result<std::unique_ptr<events::Sink>> make_sink(const config::EndpointSettings& endpoint, const std::string& hub) {
  auto sink = make_bare_sink(endpoint, hub);
  if (sink) return sink;
  return fail(sink.error().code, endpoint.place + ": endpoint '" + endpoint.name + "': " + sink.error().detail);
}

Result<events::Router> make_checked_router(const config::Settings& settings, const config::Routing& routing) {
  try {
    config::check_routing(routing);
  } catch (const config::SettingsError& error) {
    return fail(Errc::argument_invalid, error.what());
  }
  return make_router(settings, routing);
}

events::WorkerOptions worker_options(const config::EndpointSettings& endpoint) {
  // Brokers and files take long batches: waiting for the last answer costs as much for one event as for many.
  constexpr std::size_t long_batch = 2048;
  return {.name = endpoint.name,
          .index = 0,
          .from_start = endpoint.from == "start",
          .pause_max = std::chrono::seconds(endpoint.retry_seconds_max),
          .batch_max = endpoint.type == "webhook" ? endpoint.batch : long_batch};
}

class TailSource final : public ops::EventSource {
 public:
  explicit TailSource(events::EventTail tail) : tail_(std::move(tail)) {}
  Result<bool> read(std::string& out) override { return tail_.read(out); }

 private:
  events::EventTail tail_;
};

}  // namespace

config::Routing with_broker(const config::Settings& settings, config::Routing routing) {
  if (settings.events_broker.empty()) return routing;
  config::EndpointSettings broker;
  broker.place = "events.broker";
  broker.name = broker_endpoint;
  broker.type = "mqtt";
  broker.url = settings.events_broker;
  routing.endpoints.push_back(std::move(broker));
  for (const std::string_view source : config::event_sources) {
    config::RouteSettings route;
    route.place = "events.broker";
    route.name = std::string(broker_endpoint) + "-" + std::string(source);
    route.source = source;
    route.endpoints = {std::string(broker_endpoint)};
    routing.routes.push_back(std::move(route));
  }
  return routing;
}

Result<std::unique_ptr<events::Endpoints>> make_endpoints(const config::Settings& settings,
                                                          const config::Routing& from_file, storage::Store& store,
                                                          const hub::Clock& clock, hub::Random& random) {
  const config::Routing routing = with_broker(settings, from_file);
  auto router = make_checked_router(settings, routing);
  if (!router) return router.error();
  auto endpoints = std::make_unique<events::Endpoints>(store, clock, random, std::move(*router));
  for (const auto& endpoint : routing.endpoints) {
    auto sink = make_sink(endpoint, config::hub_name(settings));
    if (!sink) return sink.error();
    endpoints->add({worker_options(endpoint), std::move(*sink)});
  }
  return endpoints;
}

Result<RoutingPlan> plan_routing(const config::Settings& settings, const config::Routing& from_file,
                                 const config::Settings& before_settings, const config::Routing& before_from_file) {
  const config::Routing routing = with_broker(settings, from_file);
  const config::Routing before = with_broker(before_settings, before_from_file);
  auto router = make_checked_router(settings, routing);
  if (!router) return router.error();
  auto built_in = make_built_in_router(settings, from_file);
  if (!built_in) return built_in.error();
  RoutingPlan plan{std::move(*router), std::move(*built_in), {}, config::changes_of(before, routing)};
  for (const auto& endpoint : routing.endpoints) {
    const auto is_same = [&endpoint](const config::EndpointSettings& known) {
      return config::without_place(known) == config::without_place(endpoint);
    };
    events::Endpoints::Endpoint wanted{worker_options(endpoint), nullptr};
    if (std::none_of(before.endpoints.begin(), before.endpoints.end(), is_same)) {
      auto sink = make_sink(endpoint, config::hub_name(settings));
      if (!sink) return sink.error();
      wanted.sink = std::move(*sink);
    }
    plan.endpoints.push_back(std::move(wanted));
  }
  return plan;
}

Result<void> check_endpoints(const config::Settings& settings, const config::Routing& from_file) {
  const config::Routing routing = with_broker(settings, from_file);
  if (const auto router = make_checked_router(settings, routing); !router) return router.error();
  for (const auto& endpoint : routing.endpoints) {
    if (const auto sink = make_sink(endpoint, config::hub_name(settings)); !sink) return sink.error();
  }
  return {};
}

Result<events::Router> make_built_in_router(const config::Settings& settings, const config::Routing& routing) {
  return make_router(settings, routing);
}

std::vector<ops::Figure> endpoint_figures(const events::Endpoints& endpoints) {
  using Figures = events::EndpointWorker::Figures;
  struct Row {
    const char* name;
    const char* help;
    bool counter;
    double (*value)(const Figures&);
  };
  constexpr std::array rows = {
      Row{"twinhub_endpoint_up", "0 since an attempt to reach the endpoint has failed, until one succeeds.", false,
          [](const Figures& f) { return f.reach == events::EndpointWorker::Reach::failing ? 0.0 : 1.0; }},
      Row{"twinhub_endpoint_sent_total", "Events that the endpoint has taken.", true,
          [](const Figures& f) { return static_cast<double>(f.sent); }},
      Row{"twinhub_endpoint_failed_attempts_total", "Attempts that failed and were, or will be, made again.", true,
          [](const Figures& f) { return static_cast<double>(f.failed_attempts); }},
      Row{"twinhub_endpoint_refused_total",
          "Events that the endpoint will never take: it said so, or failed whenever one was sent while others passed.",
          true, [](const Figures& f) { return static_cast<double>(f.refused); }},
      Row{"twinhub_endpoint_lost_total", "Events that retention dropped before they were delivered.", true,
          [](const Figures& f) { return static_cast<double>(f.lost); }},
      Row{"twinhub_endpoint_lag_events", "Events of the log that the endpoint has not passed.", false,
          [](const Figures& f) { return static_cast<double>(f.lag_events); }},
      Row{"twinhub_endpoint_lag_seconds", "Age of the oldest event that the endpoint has not passed.", false,
          [](const Figures& f) { return f.lag_seconds; }},
  };
  const auto all = endpoints.figures();
  std::vector<ops::Figure> figures;
  for (const Row& row : rows) {
    for (const auto& [name, values] : all)
      figures.push_back({row.name, row.help, row.value(values), row.counter, {{"endpoint", name}}});
  }
  if (all.empty()) return figures;
  std::uint64_t unrouted = 0,
                undefined = 0;  // the first one counts for all; another may have been that before a reload
  for (const auto& each : all) {
    unrouted += each.figures.unrouted;
    undefined += each.figures.undefined_conditions;
  }
  figures.push_back({"twinhub_routing_unrouted_total", "Events that no route and no fallback took.",
                     static_cast<double>(unrouted), true});
  figures.push_back({"twinhub_routing_undefined_conditions_total", "Conditions that came to null or undefined.",
                     static_cast<double>(undefined), true});
  return figures;
}

std::string endpoint_lines(const events::Endpoints& endpoints) {
  using Reach = events::EndpointWorker::Reach;
  std::string lines;
  for (const auto& [name, now] : endpoints.figures()) {
    lines += (now.reach == Reach::failing ? "[-] endpoint '" : "[+] endpoint '") + name + "': ";
    if (now.reach == Reach::reached) {
      lines += "reached";
    } else if (now.reach == Reach::trying) {
      lines += "is being tried";
    } else {
      lines += "cannot be reached since " + to_iso8601(now.failing_since) + "; the log says why";
    }
    if (now.lag_events > 0) lines += "; " + std::to_string(now.lag_events) + " events wait";
    lines += '\n';
  }
  return lines;
}

ops::OpenEventSource event_source(storage::Store& store, std::string hub_name) {
  return [&store, name = std::make_shared<const std::string>(std::move(hub_name))](
             std::string_view query) -> Result<std::unique_ptr<ops::EventSource>> {
    auto filter = events::EventTail::parse_query(query);
    if (!filter) return filter.error();
    auto tail = events::EventTail::open(store, *name, std::move(*filter));
    if (!tail) return tail.error();
    return std::unique_ptr<ops::EventSource>(std::make_unique<TailSource>(std::move(*tail)));
  };
}

}  // namespace twinhub
