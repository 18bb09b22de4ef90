// What devices.jobs holds: one row for each device of a scheduled job.
#pragma once

#include "protocol/error.hpp"

#include <functional>
#include <string_view>

namespace twinhub::hub {

/// Read by queries, written by the jobs. Any thread.
class DeviceJobs {
 public:
  virtual ~DeviceJobs() = default;

  /// `key` names a row for good and orders rows; `json` is the canonical DeviceJob object (service API 2021-04-12):
  /// fields deviceId, jobId, jobType, status, startTimeUtc, endTimeUtc, createdDateTimeUtc, lastUpdatedDateTimeUtc,
  /// outcome, error. Returns false to end the scan.
  using Visitor = std::function<bool(std::string_view key, std::string_view json)>;

  /// Visits durable rows in key order, starting behind `after` ("" = from the start); with a `job`, those of that job
  /// alone.
  [[nodiscard]] virtual Result<void> scan(std::string_view job, std::string_view after, const Visitor& visit) const = 0;
};

/// A hub that runs no jobs has no rows.
class NoDeviceJobs final : public DeviceJobs {
 public:
  [[nodiscard]] Result<void> scan(std::string_view, std::string_view, const Visitor&) const override { return {}; }
};

}  // namespace twinhub::hub
