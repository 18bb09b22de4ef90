// The hub itself, on no particular wire: its parts, wired. The doors hold a reference to this.
#pragma once

#include "server/hub/authenticator.hpp"
#include "server/hub/certificates.hpp"
#include "server/hub/clock.hpp"
#include "server/hub/device_links.hpp"
#include "server/hub/presence.hpp"
#include "server/hub/registry.hpp"
#include "server/hub/telemetry.hpp"
#include "server/hub/twins.hpp"
#include "storage/store.hpp"

#include <vector>

namespace twinhub::hub {

/// Everything it is given outlives it. Any thread.
struct Hub {
  Hub(storage::Store& store_in, const Clock& clock_in, Random& random, std::vector<Policy> policies, DeviceLinks& links)
      : store(store_in),
        clock(clock_in),
        certificates(store_in, clock_in, random),
        authenticator(store_in, clock_in, certificates, std::move(policies)),
        presence(clock_in),
        registry(store_in, clock_in, random, presence, links),
        twins(store_in, clock_in, presence, links),
        telemetry(store_in, clock_in, presence) {}

  /// Acts on what has become due: timeouts, expiry, retention. Cheap when nothing has. Called several times a second,
  /// never twice at once, on a worker thread; tests call it when they have moved their clock.
  void tick() {}

  storage::Store& store;
  const Clock& clock;
  Certificates certificates;
  Authenticator authenticator;
  Presence presence;
  Registry registry;
  Twins twins;
  Telemetry telemetry;
};

}  // namespace twinhub::hub
