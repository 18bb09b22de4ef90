// The pieces that app.cpp puts together: settings turned into each room's own options, and what is said to the
// operator.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/x509/certificate.hpp"
#include "server/hub/authenticator.hpp"
#include "server/hub/clock.hpp"
#include "server/hub/hub.hpp"
#include "server/mqtt/mqtt_door.hpp"
#include "server/net/certificates.hpp"
#include "server/net/tls.hpp"
#include "server/ops/metrics.hpp"
#include "server/rest/rest_door.hpp"
#include "storage/store.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace twinhub {

[[nodiscard]] storage::StoreOptions store_options(const config::Settings& settings, const hub::Clock& clock);
[[nodiscard]] hub::HubOptions hub_options(const config::Settings& settings);
[[nodiscard]] mqtt_door::DoorOptions mqtt_options(const config::Settings& settings);
[[nodiscard]] rest::DoorOptions rest_options(const config::Settings& settings);
[[nodiscard]] std::size_t io_thread_count(const config::Settings& settings);

/// The well-known keys with --dev; else those of DATA/policies.toml, made with random keys when it is not there yet.
[[nodiscard]] Result<std::vector<hub::Policy>> load_policies(const config::Settings& settings, hub::Random& random);

struct Tls {
  std::shared_ptr<net::TlsContext> context;
  std::filesystem::path ca;  ///< empty with own certificates
};
/// The CAs in the files of tls.device_ca, which may hold several each. Errors name the file.
[[nodiscard]] Result<std::vector<x509::Certificate>> load_device_cas(const config::Settings& settings);
/// The configured certificate, else the hub's own. Listens to no port.
[[nodiscard]] Result<Tls> load_tls(const config::Settings& settings);

[[nodiscard]] std::vector<ops::Figure> figures(const storage::Store& store, const hub::Hub& hub,
                                               const mqtt_door::DoorFigures& mqtt, const rest::DoorFigures& rest);

/// The one screen at the start: where the hub listens, and what to paste into an SDK.
void print_welcome(const config::Settings& settings, const Tls& tls);

/// As many descriptors as the system lets this process have: a connection is one.
void raise_descriptor_limit();

}  // namespace twinhub
