// The part of the hub that can end and be made anew while the process goes on: the store and all that stands on it, the
// doors' protocols, and the threads that they run on. What the process keeps is its ports, on which whoever connects
// meanwhile waits, the operations door, certificates, admission and notices.
//
// It has threads of its own, since whatever waits in their queues may refer to it: both end together.
#pragma once

#include "config/load.hpp"
#include "protocol/error.hpp"
#include "server/app_backup.hpp"
#include "server/app_certificates.hpp"
#include "server/app_console.hpp"
#include "server/app_management.hpp"
#include "server/app_reload.hpp"
#include "server/base/clock.hpp"
#include "server/control/waits.hpp"
#include "server/events/endpoints.hpp"
#include "server/events/event_feed.hpp"
#include "server/hub/connections/device_table.hpp"
#include "server/hub/hub.hpp"
#include "server/net/admission.hpp"
#include "server/net/listener.hpp"
#include "server/net/threads.hpp"
#include "server/net/ticker.hpp"
#include "server/notices/notices.hpp"
#include "server/ops/event_streams.hpp"
#include "server/ops/metrics.hpp"
#include "server/ops/ops_door.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace twinhub {

/// A port of one of the doors.
struct Port {
  net::DoorKind door;
  bool has_tls;
  net::ListeningSocket socket;
};

/// Whether a hub without a device gets the one that settings.seed names.
enum class Seeding : std::uint8_t { planted, left_out };

/// The process's: all outlive what serves.
struct ServingParts {
  const config::Loaded& loaded;
  const hub::Clock& clock;
  hub::Random& random;
  notices::Notices& notices;
  net::Admission& admission;
  const std::unique_ptr<ServerCertificates>& certificates;  ///< there before complete()
  Mutex& policies_mutex;                                    ///< of the policies' file and the policies in use, together
  std::function<void()> tick;                               ///< several times a second, on a worker thread
  std::function<void()> wake_event_streams;                 ///< events are durable that were not before; quick
};

/// Main thread, unless said otherwise. Members stand in the order in which they are made; stop() and the destructor take them down in the
/// reverse order.
class Serving {
 public:
  explicit Serving(ServingParts parts);
  /// Closes the store. REQUIRES: stop() was called, and no other thread uses it.
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  /// Opens the store and takes up what it holds. REQUIRES: the data folder is this process's.
  /// Errors, for the operator.
  [[nodiscard]] Result<void> open(Seeding seeding);
  /// The rest, once the settings name the numbers of all ports but that of operations. Errors, for the operator.
  [[nodiscard]] Result<void> complete();
  /// Serves at `ports`, which outlive it. Errors, for the operator.
  [[nodiscard]] Result<void> start(const std::vector<Port>& ports);
  /// No new connections; answer what was accepted; close. Each door has `within` for that. Whatever was begun of the above.
  void stop(std::chrono::milliseconds within);

  [[nodiscard]] Reloader& reloader() { return *reloader_; }
  /// It was opened with no device, and has those of the seed now.
  [[nodiscard]] bool was_seeded() const { return was_seeded_; }

  // Any thread, once it is complete
  /// A backup is under way: what it reads has to stay.
  [[nodiscard]] bool is_backing_up() const { return backups_->is_running(); }
  [[nodiscard]] Backups& backups() { return *backups_; }
  [[nodiscard]] hub::Hub& hub() { return *hub_; }
  [[nodiscard]] storage::Store& store() { return *store_; }
  [[nodiscard]] control::Waits& waits() { return *waits_; }
  /// What GET /events shows. REQUIRES: what was opened is gone before this is.
  [[nodiscard]] Result<std::unique_ptr<ops::EventSource>> open_events(std::string_view query) const {
    return open_events_(query);
  }
  [[nodiscard]] ops::Site& console() { return console_->site(); }
  /// The store takes writes, and nothing stored was found damaged: "" or what is not so, for a probe. The log says more.
  /// The operations thread alone.
  [[nodiscard]] std::string why_not_ready();
  /// A line for each ground, with `is_open`, whether the doors are.
  [[nodiscard]] std::string readiness_lines(bool is_open) const;
  [[nodiscard]] std::vector<ops::Figure> figures() const;

 private:
  [[nodiscard]] Result<void> open_store();
  [[nodiscard]] Result<void> open_hub();
  [[nodiscard]] Result<void> open_listeners(const std::vector<Port>& ports);
  [[nodiscard]] net::Accepted adopting(const Port& port);
  [[nodiscard]] net::WebSocketDoors web_socket_doors();
  void tick();

  const ServingParts parts_;
  const config::Settings& settings_;
  net::Threads threads_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<Backups> backups_;
  std::unique_ptr<events::Endpoints> endpoints_;
  std::unique_ptr<events::EventFeed> feed_;
  std::unique_ptr<hub::DeviceTable> devices_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<mqtt_door::Door> mqtt_;
  std::unique_ptr<amqp_door::Door> amqp_;
  std::unique_ptr<Management> management_;  ///< null: the plane is off
  std::unique_ptr<rest::Door> rest_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<net::Ticker> ticker_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  ops::OpenEventSource open_events_;
  std::unique_ptr<Console> console_;        ///< null: it is off
  std::shared_ptr<control::Waits> waits_;   ///< likewise
  std::atomic<bool> store_damaged_{false};  // for good: the next one reads it again
  bool was_seeded_ = false;
  bool started_ = false;
  bool unready_logged_ = false;
};

}  // namespace twinhub
