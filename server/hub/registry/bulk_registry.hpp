// The registry, many identities at a time: POST /devices, new keys for many, and how many there are.
// Source: service API 2021-04-12 ("Bulk Registry", "Statistics"); azure-docs iot-hub-bulk-identity-mgmt; what the az
// iot extension sends (2024-03-31) for keys.
//
// Each identity is one atomic decision of its own, made one after the other in the order of the request, so that a
// module may stand behind its device. All are queued before the first is waited for: a few log syncs serve them all.
#pragma once

#include "protocol/iothub/bulk.hpp"
#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "server/hub/connections/device_links.hpp"
#include "server/hub/connections/presence.hpp"
#include "server/hub/registry/registry.hpp"
#include "storage/snapshot.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace twinhub::hub {

/// Any thread; writes take milliseconds: call them on the worker pool.
class BulkRegistry {
 public:
  struct Answer {
    std::string json;
    bool successful = true;  ///< false: some were refused; the others are written
  };

  BulkRegistry(storage::Store& store, const Clock& clock, Random& random, DeviceLinks& links, Registry& registry)
      : store_(store), clock_(clock), random_(random), links_(links), registry_(registry) {}

  /// Answers with a BulkRegistryOperationResult once everything is durable. Errors, of the whole request, which has
  /// then changed nothing: those of iothub::parse_bulk().
  void apply(std::string_view body, Done<Answer> done);

  /// {"policyKey":"primaryKey","devices":[{"id":..,"moduleId":..}]}: a new primary or secondary key, or both swapped,
  /// for at most iothub::bulk_items_max identities; an old key's connections end. Answers
  /// {"policyKey":..,"rotatedKeys":[..],"errors":[..]}. Errors: iot_hub_format_error, argument_invalid,
  /// too_many_devices, device_defined_multiple_times.
  void regenerate_keys(std::string_view body, Done<std::string> done);

  /// GET /statistics/devices, counted in slices. One thread at a time.
  class Count {
   public:
    explicit Count(std::shared_ptr<const storage::Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}
    /// Works for some milliseconds. False: it is done. Errors: those of the store.
    [[nodiscard]] Result<bool> step();
    [[nodiscard]] std::uint64_t enabled() const { return enabled_; }
    [[nodiscard]] std::uint64_t disabled() const { return disabled_; }
    /// {"totalDeviceCount":..,"enabledDeviceCount":..,"disabledDeviceCount":..}
    [[nodiscard]] std::string json() const;

   private:
    std::shared_ptr<const storage::Snapshot> snapshot_;
    storage::ScanRequest request_{.modules = false, .twin = false};
    std::uint64_t enabled_ = 0;
    std::uint64_t disabled_ = 0;
  };
  /// Errors: service_unavailable.
  [[nodiscard]] Result<Count> count() const;

  /// Some lines of an export, in id order, each a JSON object and a line feed.
  struct Lines {
    std::string text;
    std::string last_key;  ///< of the last line; "" when there is none
    bool more = false;
  };
  /// At most `lines` (1 to export_lines_max) from behind `after_key` ("" = from the start) on, as of one moment; a page
  /// also ends at export_bytes_max. Errors: argument_invalid for a key that is none; service_unavailable.
  [[nodiscard]] Result<Lines> export_lines(std::string_view after_key, std::size_t lines,
                                           const iothub::ExportOptions& options) const;
  static constexpr std::size_t export_lines_max = 1000;
  static constexpr std::size_t export_bytes_max = 1U << 20;

 private:
  class Run;
  class KeyRun;

  storage::Store& store_;
  const Clock& clock_;
  Random& random_;
  DeviceLinks& links_;
  Registry& registry_;
};

}  // namespace twinhub::hub
