// The hub itself, on no particular wire: its parts, wired. The doors hold a reference to this.
#pragma once

#include "server/hub/authenticator.hpp"
#include "server/hub/clock.hpp"
#include "server/hub/device_links.hpp"
#include "server/hub/gate.hpp"
#include "server/hub/presence.hpp"
#include "server/hub/registry.hpp"
#include "server/hub/telemetry.hpp"
#include "server/hub/twins.hpp"
#include "storage/store.hpp"

#include <vector>

namespace twinhub::hub {

struct HubOptions {
  GateOptions gate;
  ConnectionEvents connection_events = ConnectionEvents::at_connect;
};

/// Everything it is given outlives it. Any thread.
struct Hub {
  Hub(storage::Store& store_in, const Clock& clock_in, Random& random, std::vector<Policy> policies, DeviceLinks& links,
      const HubOptions& options = {})
      : store(store_in),
        clock(clock_in),
        authenticator(store_in, clock_in, std::move(policies)),
        gate(options.gate, clock_in),
        presence(store_in, clock_in, options.connection_events),
        registry(store_in, clock_in, random, presence, links),
        twins(store_in, clock_in, presence, links),
        telemetry(store_in, clock_in, presence) {}

  /// Takes up what the last run has left in the store. Once, before a door opens. Errors: those of the store.
  [[nodiscard]] Result<void> recover() { return presence.recover(); }

  /// Acts on what has become due: timeouts, expiry, retention. Cheap when nothing has. Called several times a second,
  /// never twice at once, on a worker thread; tests call it when they have moved their clock.
  void tick() {
    gate.tick();
    presence.tick();
  }

  storage::Store& store;
  const Clock& clock;
  Authenticator authenticator;
  Gate gate;
  Presence presence;
  Registry registry;
  Twins twins;
  Telemetry telemetry;
};

}  // namespace twinhub::hub
