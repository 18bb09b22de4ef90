// The hub itself, on no particular wire: its parts, wired. The doors hold a reference to this.
#pragma once

#include "server/base/clock.hpp"
#include "server/hub/access/authenticator.hpp"
#include "server/hub/access/certificates.hpp"
#include "server/hub/configurations/configuration_report.hpp"
#include "server/hub/configurations/configuration_rollout.hpp"
#include "server/hub/configurations/configuration_store.hpp"
#include "server/hub/configurations/edge_content.hpp"
#include "server/hub/connections/device_links.hpp"
#include "server/hub/connections/presence.hpp"
#include "server/hub/connections/session_expiry.hpp"
#include "server/hub/hub_options.hpp"
#include "server/hub/jobs/jobs.hpp"
#include "server/hub/limits/gate.hpp"
#include "server/hub/messages/cloud_to_device.hpp"
#include "server/hub/messages/feedback.hpp"
#include "server/hub/messages/telemetry.hpp"
#include "server/hub/methods/methods.hpp"
#include "server/hub/queries/queries.hpp"
#include "server/hub/registry/bulk_registry.hpp"
#include "server/hub/registry/device_census.hpp"
#include "server/hub/registry/edge_scopes.hpp"
#include "server/hub/registry/registry.hpp"
#include "server/hub/twins/activities.hpp"
#include "server/hub/twins/twins.hpp"
#include "storage/store.hpp"

#include <vector>

namespace twinhub::hub {

/// Everything it is given outlives it. Any thread.
struct Hub {
  Hub(storage::Store& store_in, const Clock& clock_in, Random& random, std::vector<Policy> policies, DeviceLinks& links,
      const HubOptions& options = {})
      : store(store_in),
        clock(clock_in),
        certificates(store_in, clock_in, random),
        authenticator(store_in, clock_in, certificates, std::move(policies)),
        gate(options.gate, clock_in),
        presence(store_in, clock_in, options.connection_events),
        feedback(store_in, clock_in, random, options.feedback),
        cloud_to_device(store_in, clock_in, links, feedback, options.cloud_to_device),
        session_expiry(store_in, clock_in, presence, options.session_life),
        activities(presence, cloud_to_device),
        registry(store_in, clock_in, random, activities, links),
        bulk(store_in, clock_in, random, links, registry),
        census(bulk, clock_in),
        edge_scopes(store_in, activities),
        twins(store_in, clock_in, presence, activities, links),
        telemetry(store_in, clock_in, presence),
        methods(store_in, clock_in, random, presence, links, options.methods),
        queries(store_in, clock_in, activities, options.queries),
        jobs(store_in, clock_in, activities, twins, methods, gate, options.jobs),
        configurations(store_in, clock_in, options.configurations),
        configuration_rollout(store_in, clock_in, random, links, configurations, options.configurations),
        configuration_reports(store_in, activities, configurations, options.configurations, options.queries),
        edge_content(store_in, clock_in, random, links) {
    queries.set_device_jobs(jobs);
  }

  /// Takes up what the last run has left in the store. Once, before a door opens. Errors: those of the store.
  [[nodiscard]] Result<void> recover() {
    if (const auto loaded = certificates.load(); !loaded) return loaded;
    if (const auto recovered = jobs.recover(); !recovered) return recovered;
    if (const auto loaded = configurations.load(); !loaded) return loaded;
    if (const auto recovered = registry.recover(); !recovered) return recovered;
    return presence.recover();
  }

  /// Acts on what has become due: timeouts, expiry, retention. Cheap when nothing has. Called several times a second,
  /// never twice at once, on a worker thread; tests call it when they have moved their clock.
  void tick() {
    gate.tick();
    presence.tick();
    cloud_to_device.tick();
    feedback.tick();
    session_expiry.tick();
    methods.tick();
    jobs.tick();
    queries.tick();
    configuration_rollout.tick();
    census.tick();
  }

  storage::Store& store;
  const Clock& clock;
  Certificates certificates;
  Authenticator authenticator;
  Gate gate;
  Presence presence;
  Feedback feedback;
  CloudToDevice cloud_to_device;
  SessionExpiry session_expiry;
  Activities activities;
  Registry registry;
  BulkRegistry bulk;
  DeviceCensus census;
  EdgeScopes edge_scopes;
  Twins twins;
  Telemetry telemetry;
  Methods methods;
  Queries queries;
  Jobs jobs;
  ConfigurationStore configurations;
  ConfigurationRollout configuration_rollout;
  ConfigurationReports configuration_reports;
  EdgeContent edge_content;
};

}  // namespace twinhub::hub
