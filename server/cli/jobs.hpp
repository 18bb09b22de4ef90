// `twinhub job`: twin updates and direct methods on many devices, over REST (jobs v2).
#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace twinhub::cli {

struct JobList {
  std::string type;    ///< scheduleUpdateTwin, scheduleDeviceMethod, "" = all
  std::string status;  ///< "" = all
  bool json = false;
};
[[nodiscard]] int list_jobs(const config::Settings& settings, const JobList& options);

/// One line for people: the job's type, status and progress, and its number of devices.
[[nodiscard]] int show_job(const config::Settings& settings, const std::string& id, bool json);
[[nodiscard]] int cancel_job(const config::Settings& settings, const std::string& id);
/// The job's outcome at each device.
[[nodiscard]] int list_job_devices(const config::Settings& settings, const std::string& id, bool json);

struct NewJob {
  std::string id;
  std::string where;                     ///< which devices: a condition of the query language, "*" = all
  std::vector<std::string> assignments;  ///< of a twin update, see TwinSet
  std::string method;                    ///< of a direct method
  std::string payload = "null";
  std::uint32_t timeout_seconds = 30;
  std::string start;                 ///< ISO 8601, "" = now
  std::uint64_t max_seconds = 3600;  ///< how long the job may take
  bool wait = false;                 ///< return when the job has ended; the exit code says how
  bool json = false;
};
/// A twin update when `method` is "", else a direct method.
[[nodiscard]] int create_job(const config::Settings& settings, const NewJob& job);

}  // namespace twinhub::cli
