// Which devices a job is for: those that its condition selects at the moment it starts, found in slices.
// Source: azure-docs iot-hub-devguide-query-language ("Jobs"); azure-iot-sdk-node job_client.js.
#pragma once

#include "protocol/query/ast.hpp"
#include "protocol/query/value.hpp"
#include "server/hub/twins/activities.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace twinhub::hub {

/// One thread. Holds a snapshot: to be let go of before the store is.
class JobTargets {
 public:
  /// Errors: argument_invalid (the condition, with the place that is wrong); service_unavailable.
  [[nodiscard]] static Result<std::unique_ptr<JobTargets>> begin(const storage::Store& store,
                                                                 const Activities& activities,
                                                                 const std::string& condition, bool strict);

  /// A slice ends with the first of these.
  struct Limits {
    std::size_t entities = 0;  ///< looked at; counted down
    std::size_t bytes = 0;     ///< of them; counted down
    std::size_t targets = 0;   ///< found
  };
  /// Appends target keys (job_record.hpp), in their order. False: there are no more. Errors: service_unavailable (also
  /// when the store had to be opened again: begin anew), server_error.
  [[nodiscard]] Result<bool> slice(Limits& limits, std::vector<std::string>& found);

 private:
  JobTargets(std::shared_ptr<const storage::Snapshot> snapshot, const Activities& activities,
             query::Condition condition);
  [[nodiscard]] Result<bool> selects(const storage::StoredEntity& stored);

  std::shared_ptr<const storage::Snapshot> snapshot_;
  const Activities& activities_;
  query::Query query_;
  storage::ScanRequest scan_;
  query::Scratch scratch_;
};

}  // namespace twinhub::hub
