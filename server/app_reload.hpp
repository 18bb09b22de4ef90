// Reading settings, policies, routes and TLS files again while the hub runs: on SIGHUP, and by POST /reload on the operations port, which
// GET /reload follows.
#pragma once

#include "config/changes.hpp"
#include "config/load.hpp"
#include "protocol/error.hpp"
#include "server/app_certificates.hpp"
#include "server/events/endpoints.hpp"
#include "server/events/event_feed.hpp"
#include "server/hub/hub.hpp"
#include "server/ops/ops_door.hpp"
#include "storage/guarded.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace twinhub {

class Management;

struct ReloadReport {
  std::string error;                    ///< "" = what follows is in force; else nothing was changed
  std::vector<std::string> taken;       ///< in words
  std::vector<config::Change> waiting;  ///< for a restart
};

/// What a reload changes. All outlive it.
struct ReloadParts {
  const config::Loaded& started;  ///< what the hub was started with
  ServerCertificates& certificates;
  Mutex& policies_mutex;  ///< of the policies' file and the policies in use, together
  hub::Hub& hub;
  events::Endpoints& endpoints;
  events::EventFeed& feed;
  Management* management;  ///< null: the plane is off
};

/// One thread: the main one.
class Reloader {
 public:
  explicit Reloader(ReloadParts parts);
  /// All or nothing: everything is read and checked before the first part is taken. The log has the report, too.
  ReloadReport reload();

  // In force
  [[nodiscard]] const config::Settings& settings() const { return settings_; }
  [[nodiscard]] const config::Routing& routing() const { return routing_; }

 private:
  [[nodiscard]] Result<config::Loaded> read() const;
  [[nodiscard]] Result<ReloadReport> carry_out() EXCLUDES(parts_.policies_mutex);

  const ReloadParts parts_;
  // In force
  config::Settings settings_;
  config::Routing routing_;
};

/// Orders to reload, and what came of the last one. Any thread.
class ReloadOrders {
 public:
  /// Wakes the main thread. 202 {"id":N}: that reload, or a later one, has everything that was there before the order.
  [[nodiscard]] ops::Page begin() EXCLUDES(mutex_);
  /// {"id":N,"state":"none"|"running"|"done"|"failed","taken":[...],"waiting":[{"setting","running","configured"}],"error"}
  [[nodiscard]] ops::Page state() const EXCLUDES(mutex_);
  /// Before a reload: the orders that it carries out.
  [[nodiscard]] std::uint64_t asked() const EXCLUDES(mutex_);
  void done(std::uint64_t asked, const ReloadReport& report) EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::uint64_t asked_ GUARDED_BY(mutex_) = 0;
  std::uint64_t done_ GUARDED_BY(mutex_) = 0;
  std::string outcome_ GUARDED_BY(mutex_);  ///< members of the JSON object
};

}  // namespace twinhub
