// The automatic configurations of the hub, and the room's centre: back ends create and change configurations here; the
// rollout (configuration_rollout.hpp) gives each twin what they say about it (apply_configuration.hpp), and the report
// (configuration_report.hpp) counts their metrics. edge_content.hpp does once, for one device, what a configuration
// does for all that it targets. The rules are pure and stand in protocol/configuration.
// Source: azure-docs iot-hub-automatic-device-management; service API 2021-04-12 ("Configuration").
#pragma once

#include "protocol/configuration/assignment.hpp"
#include "protocol/configuration/configuration.hpp"
#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "server/hub/configurations/configuration_options.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// Any thread. Every configuration is kept in memory: there are few.
class ConfigurationStore {
 public:
  using Shared = std::shared_ptr<const configuration::Configuration>;
  struct Answer {
    std::string json;
    std::string etag;  ///< unquoted
  };

  ConfigurationStore(storage::Store& store, const Clock& clock, const ConfigurationOptions& options);

  /// Reads what is stored. Once, before anything else is called. Errors: service_unavailable, for the operator.
  [[nodiscard]] Result<void> load();

  /// PUT: without If-Match creates, with one updates all but the content, which stays as it was created, silently as
  /// in the cloud. The answer's metrics have no results. Errors: those of configuration::parse_configuration;
  /// configuration_already_exists, configuration_not_found, precondition_failed (also while another change of it is on
  /// its way), configuration_count_limit_exceeded.
  void put(const std::string& id, std::string_view body, const IfMatch& if_match, Done<Answer> done);
  /// Errors: configuration_not_found, precondition_failed.
  void remove(const std::string& id, const IfMatch& if_match, Done<void> done);

  /// POST /configurations/testQueries. Errors: those of configuration::test_queries.
  [[nodiscard]] Result<std::string> test_queries(std::string_view body) const {
    return configuration::test_queries(body, options_.strict_queries);
  }

  /// Durable ones. Errors: configuration_not_found.
  [[nodiscard]] Result<Shared> get(const std::string& id) const;
  /// In the order of ids.
  [[nodiscard]] std::vector<Shared> all() const;
  /// The durable ones, ranked.
  [[nodiscard]] std::shared_ptr<const configuration::ConfigurationSet> set() const;

  /// False while a change of a twin cannot matter to any configuration. Cheap.
  [[nodiscard]] bool active() const { return active_.load(std::memory_order_acquire); }
  /// Grows with each durable change; 0 = there is nothing to carry out.
  [[nodiscard]] std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  /// Every twin has what the configurations as of `generation` say, durably.
  void carried_out(std::uint64_t generation);

 private:
  struct Change {
    Shared now;  ///< null: it is removed
  };
  using Decide = std::function<Result<Change>(const configuration::Configuration* current)>;
  using OnWritten = std::function<void(const Result<Change>& change, storage::Outbox& outbox)>;
  void write(const std::string& id, const Decide& decide, OnWritten on_written);
  [[nodiscard]] Result<Change> begin(const std::string& id, const Decide& decide);
  void settle(const std::string& id, const Result<void>& durable, const Change& change);
  void publish() REQUIRES(mutex_);

  storage::Store& store_;
  const Clock& clock_;
  const ConfigurationOptions options_;

  mutable Mutex mutex_;
  std::map<std::string, Shared> durable_ GUARDED_BY(mutex_);
  std::set<std::string> writing_ GUARDED_BY(mutex_);  ///< ids with a write on its way: a second one is refused
  std::shared_ptr<const configuration::ConfigurationSet> set_ GUARDED_BY(mutex_);
  std::uint64_t carried_out_ GUARDED_BY(mutex_) = 0;  ///< the generation

  std::atomic<bool> active_{false};
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace twinhub::hub
