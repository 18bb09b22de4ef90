// Queries over twins and jobs, page by page: the query language (protocol/query) on what is stored. A query may look at
// every twin of the hub, so this room is about doing that in bounded time and memory beside everything else.
//
// A page reads one snapshot of the store, in slices: between two of them the worker thread is free for others. It holds
// no more than the rows of a page, or the groups of an aggregate, both bounded. Everything acknowledged before the
// query is seen; nothing is shown that a power cut could take back. connectionState, lastActivityTime and message
// counts are as they are when a row is looked at. Source: azure-docs iot-hub-devguide-query-language; service API
// 2021-04-12 ("Query").
#pragma once

#include "protocol/error.hpp"
#include "server/base/clock.hpp"
#include "server/hub/queries/aged_snapshots.hpp"
#include "server/hub/queries/device_jobs.hpp"
#include "server/hub/twins/activities.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace twinhub::hub {

struct QueryOptions {
  bool strict = false;               ///< refuse what IoT Hub refuses: functions that only routes have there
  std::chrono::milliseconds lag{0};  ///< see AgedSnapshots
  std::size_t running_max = 256;     ///< at once; more are refused
  // A slice ends with the first of these.
  std::size_t slice_entities = 4096;
  std::size_t slice_bytes = 8U << 20;
  std::size_t page_bytes = 4U << 20;  ///< a page ends with the row that reaches it, whatever rows were asked for
};

/// Any thread.
class Queries {
 public:
  static constexpr std::size_t page_rows_max = 100;

  struct Request {
    std::string text;
    std::size_t page_rows = page_rows_max;  ///< 1 to page_rows_max
    std::string continuation = {};          ///< "" = the first page
    bool show_model_id = true;
  };
  struct Page {
    std::string json;            ///< an array
    std::string_view item_type;  ///< x-ms-item-type
    std::string continuation;    ///< "" = the last page
  };

  /// One page being made. One thread at a time.
  class Run {
   public:
    virtual ~Run() = default;
    /// Works on it for some milliseconds. False: it is done, take() the page.
    [[nodiscard]] virtual bool step() = 0;
    /// Errors: argument_invalid (more groups than a query may gather), service_unavailable, server_error.
    [[nodiscard]] virtual Result<Page> take() = 0;
  };

  Queries(const storage::Store& store, const Clock& clock, const Activities& activities,
          const QueryOptions& options = {});

  /// Errors: argument_invalid (syntax, with its place; a continuation token that is not this query's),
  /// generic_too_many_requests, service_unavailable.
  [[nodiscard]] Result<std::unique_ptr<Run>> begin(Request request);

  /// Where devices.jobs comes from; before the first query.
  void set_device_jobs(const DeviceJobs& jobs) { jobs_ = &jobs; }
  void tick() { snapshots_.tick(); }
  /// Ends what runs at its next slice, and lets go of aged snapshots: the hub is stopping. No tick() follows.
  void stop() {
    stopping_ = true;
    snapshots_.clear();
  }

 private:
  class Scan;
  class TwinScan;
  class GroupScan;
  class JobScan;

  const storage::Store& store_;
  const Activities& activities_;
  const QueryOptions options_;
  AgedSnapshots snapshots_;
  NoDeviceJobs no_jobs_;
  const DeviceJobs* jobs_ = &no_jobs_;
  std::atomic<std::size_t> running_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace twinhub::hub
