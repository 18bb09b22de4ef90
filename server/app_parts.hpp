// The pieces that app.cpp puts together: settings turned into each room's own options, and the words for the
// operator at the start.
#pragma once

#include "config/load.hpp"
#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/x509/certificate.hpp"
#include "server/amqp/amqp_door.hpp"
#include "server/base/clock.hpp"
#include "server/hub/access/authenticator.hpp"
#include "server/hub/hub.hpp"
#include "server/mqtt/mqtt_door.hpp"
#include "server/net/admission.hpp"
#include "server/notices/notices.hpp"
#include "server/ops/metrics.hpp"
#include "server/ops/ops_door.hpp"
#include "server/rest/rest_door.hpp"
#include "storage/store.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace twinhub {

[[nodiscard]] storage::StoreOptions store_options(const config::Settings& settings, const hub::Clock& clock);
[[nodiscard]] hub::HubOptions hub_options(const config::Settings& settings);
[[nodiscard]] wire::LingerLimits linger_limits(const config::Settings& settings);
[[nodiscard]] mqtt_door::DoorOptions mqtt_options(const config::Settings& settings);
/// Once the store is open.
[[nodiscard]] amqp_door::DoorOptions amqp_options(const config::Settings& settings);
[[nodiscard]] rest::DoorOptions rest_options(const config::Settings& settings);
/// Within what descriptors this process may have: after raise_descriptor_limit().
[[nodiscard]] net::AdmissionOptions admission_options(const config::Settings& settings);
[[nodiscard]] ops::OpsOptions ops_options(const config::Settings& settings);
[[nodiscard]] std::size_t io_thread_count(const config::Settings& settings);

/// The well-known keys with --dev until they are changed; else those of DATA/policies.toml, made with random keys when
/// it is not there yet.
[[nodiscard]] Result<std::vector<hub::Policy>> load_policies(const config::Settings& settings, hub::Random& random);
/// Of a hub that runs: those of the file (or dev's), as load_policies() would find them. Errors: there is none, or a key is no
/// base64 of 16 to 64 bytes.
[[nodiscard]] Result<std::vector<hub::Policy>> read_policies(const config::Settings& settings);
/// What differs, in words without a key; "" = nothing.
[[nodiscard]] std::string changes_of(const std::vector<hub::Policy>& before, const std::vector<hub::Policy>& after);
/// A new key in the place of one of a policy's two, in the file and in use. REQUIRES: the mutex of the policies is held.
[[nodiscard]] Result<void> renew_policy_key(const config::Settings& settings, hub::Authenticator& authenticator,
                                            hub::Random& random, const std::string& policy, bool is_primary);
/// Writes them where load_policies() finds them.
[[nodiscard]] Result<void> keep_policies(const config::Settings& settings, const std::vector<hub::Policy>& policies);

/// Writes config::hub_name_file() for commands beside the hub.
[[nodiscard]] Result<void> keep_hub_name(const config::Settings& settings);

/// The CAs in the files of tls.device_ca, which may hold several each. Errors name the file.
[[nodiscard]] Result<std::vector<x509::Certificate>> load_device_cas(const config::Settings& settings);
[[nodiscard]] std::vector<ops::Figure> figures(const storage::Store& store, const hub::Hub& hub,
                                               const mqtt_door::DoorFigures& mqtt, const rest::DoorFigures& rest);

/// What all doors count alike, each under its label.
[[nodiscard]] std::vector<ops::Figure> door_figures(const mqtt_door::DoorFigures& mqtt,
                                                    const amqp_door::DoorFigures& amqp, const rest::DoorFigures& rest);

/// The program, its devices, its disk, its clock.
[[nodiscard]] std::vector<ops::Figure> hub_figures(const hub::Hub& hub, const config::Settings& settings);

[[nodiscard]] std::vector<ops::Figure> amqp_figures(const amqp_door::DoorFigures& amqp);

[[nodiscard]] std::vector<ops::Figure> admission_figures(const net::Admission& admission);

[[nodiscard]] std::vector<ops::Figure> notice_figures(const notices::Notices& kept);

/// Writes cli::hub_file(): once the doors are open. `ca`: "" when the certificate is configured.
[[nodiscard]] Result<void> keep_hub_file(const config::Settings& settings, const std::filesystem::path& ca);
/// settings.ready_file: there while the hub serves. A hub that was killed leaves it behind: a start removes it at once when
/// its process is no more, and in any case when the folder is its own.
void remove_stale_ready_file(const config::Settings& settings);
[[nodiscard]] Result<void> keep_ready_file(const config::Settings& settings, const std::filesystem::path& ca);
void remove_ready_file(const config::Settings& settings);

[[nodiscard]] bool is_loopback(const std::string& address);
/// The addresses by which others than this machine reach a door; "" when there are none.
[[nodiscard]] std::string foreign_addresses(const config::Settings& settings);
/// "https://127.0.0.1:443"; "off" for port 0.
[[nodiscard]] std::string url_of_door(const std::string& scheme, const std::string& address, std::uint16_t port);

[[nodiscard]] notices::ConnectionLines connection_lines(const config::Settings& settings);
/// Lines of the log: the program and its settings; that it is ready, and where.
void log_start(const config::Loaded& loaded);
void log_ready(const config::Settings& settings);

/// The one screen at the start, for a terminal: where the hub listens, and what to paste into an SDK.
void print_welcome(const config::Settings& settings, const std::filesystem::path& ca);

/// Raises the limit of file descriptors to what the system allows: each connection takes one.
void raise_descriptor_limit();

}  // namespace twinhub
