// Configurations as back ends see them: with the results of their metrics, counted when a back end asks.
//
// One pass over the twins counts all metrics of all configurations that are asked for. In slices, as a query does;
// everything acknowledged before is seen. Source: azure-docs iot-hub-automatic-device-management ("Monitor a
// configuration"): "the metric represents the number of rows returned by the query".
#pragma once

#include "protocol/error.hpp"
#include "server/hub/configurations/configuration_store.hpp"
#include "server/hub/queries/queries.hpp"
#include "server/hub/twins/activities.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace twinhub::hub {

/// Any thread.
class ConfigurationReports {
 public:
  /// One answer being made. One thread at a time.
  class Run {
   public:
    virtual ~Run() = default;
    /// Works on it for some milliseconds. False: it is done, take() the answer.
    [[nodiscard]] virtual bool step() = 0;
    /// An object, or the array of all; its etag is that of the one. Errors: service_unavailable, server_error.
    [[nodiscard]] virtual Result<ConfigurationStore::Answer> take() = 0;
  };

  ConfigurationReports(const storage::Store& store, const Activities& activities,
                       const ConfigurationStore& configurations, const ConfigurationOptions& options,
                       const QueryOptions& slices);

  /// Errors: configuration_not_found, generic_too_many_requests, service_unavailable.
  [[nodiscard]] Result<std::unique_ptr<Run>> begin(const std::string& id);
  [[nodiscard]] Result<std::unique_ptr<Run>> begin_all();
  /// Ends what runs at its next slice: the hub is stopping.
  void stop() { stopping_ = true; }

 private:
  class Count;
  [[nodiscard]] Result<std::unique_ptr<Run>> begin(std::vector<ConfigurationStore::Shared> configurations, bool all);

  const storage::Store& store_;
  const Activities& activities_;
  const ConfigurationStore& configurations_;
  const ConfigurationOptions options_;
  const QueryOptions slices_;
  std::atomic<std::size_t> running_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace twinhub::hub
