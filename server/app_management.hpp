// The management plane, as the settings ask for it: its secrets in the data folder, and its two halves put together.
#pragma once

#include "config/load.hpp"
#include "protocol/error.hpp"
#include "server/base/clock.hpp"
#include "server/events/endpoints.hpp"
#include "server/hub/access/access_tokens.hpp"
#include "server/hub/hub.hpp"
#include "server/management/arm/resource_manager.hpp"
#include "server/management/plane.hpp"
#include "server/net/threads.hpp"
#include "storage/guarded.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace twinhub {

/// Differs after every change of a file, of its owner and mode as well: what could not be read may have become readable.
struct FileState {
  std::uint64_t inode = 0;
  std::int64_t changed_seconds = 0;
  std::int64_t changed_nanoseconds = 0;

  bool operator==(const FileState&) const = default;
};

class Management {
 public:
  /// Reads DATA/management.key, made at the first start, and what the last run has left. From here on the hub takes its
  /// own access tokens. `policies_mutex` is held while it writes the policies' file. After Hub::recover(), before a door opens. All
  /// references outlive it. Errors, for the operator.
  [[nodiscard]] static Result<std::unique_ptr<Management>> open(const config::Loaded& loaded, hub::Hub& hub,
                                                                const events::Endpoints& endpoints,
                                                                net::Threads& threads, hub::Random& random,
                                                                Mutex& policies_mutex);

  /// Of a hub whose plane is off, before a door opens: a deletion that was cut short is not gone on with when the plane
  /// is on again, on devices that have come since. Errors, for the operator.
  [[nodiscard]] static Result<void> give_up_deletion(storage::Store& store);

  /// Resource Manager's requests end: also a deletion, which the next start goes on with.
  void stop() { resource_manager_->stop(); }

  /// The routing has changed. Any thread.
  void show(const config::Settings& settings, const config::Routing& routing);

  [[nodiscard]] rest::Annex& annex() { return *plane_; }
  /// Follows `twinhub policy`, which makes and removes DATA/management.toml. A file operation; on a worker thread.
  void tick();

 private:
  Management(const config::Settings& settings, hub::Hub& hub, std::string secret);
  void follow_management_key();

  const config::Settings& settings_;
  const hub::Clock& clock_;
  hub::AccessTokens tokens_;
  std::unique_ptr<management::ResourceManager> resource_manager_;
  std::unique_ptr<management::Plane> plane_;
  std::optional<FileState> seen_;  ///< of the management key's file; nullopt: there was none
  std::uint64_t look_at_ = 0;      ///< on the steady clock, ticks
};

}  // namespace twinhub
