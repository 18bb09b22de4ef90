// A hub that runs jobs by a clock that stands still: each tick is the test's.
#pragma once

#include "tests/unit/server/hub/store_folder.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

struct JobsWorld : World {
  using World::World;

  Result<std::string> create(const std::string& id, std::string_view body);
  /// A job over `condition` that sets desired.a to 1.
  Result<std::string> update(const std::string& id, std::string_view condition, std::string_view more = "");
  /// A job over `condition` that calls `reboot`.
  Result<std::string> method(const std::string& id, std::string_view condition, std::string_view more = "");
  Result<std::string> cancel(const std::string& id);
  /// The job as GET shows it; "" when there is an error.
  std::string job(const std::string& id);
  std::string status(const std::string& id) { return at(job(id), "status"); }
  /// "devices/succeeded/failed/running/pending"
  std::string counts(const std::string& id);

  /// Ticks until `reached`; false when it never comes.
  bool tick_until(const std::function<bool()>& reached);
  /// Ticks until the job has ended; its status without quotes.
  std::string run(const std::string& id);
  /// Everything queued is durable when it returns, but no news of it has been taken up.
  void sync();

  /// Rows of devices.jobs as JSON, in order.
  std::vector<std::string> rows(const std::string& job);
  /// "device status [error code]" for each.
  std::vector<std::string> outcomes(const std::string& job);
  std::string desired_version(const std::string& device) {
    return at(twin({device, ""})->json, "properties/desired/$version");
  }
  /// Twin change events of a device.
  std::size_t changes(const std::string& device) const;
  void create_devices(int count);
};

/// "device-007"
std::string device_id(int number);

}  // namespace twinhub::hub
