#include "server/hub/configurations/configuration_report.hpp"

#include "protocol/query/aggregate.hpp"
#include "protocol/query/evaluate.hpp"
#include "server/base/answer.hpp"
#include "server/hub/queries/stored_twin_parts.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace twinhub::hub {
namespace {

using configuration::Metric;
using configuration::MetricResults;

/// One metric's rows.
class Counter {
 public:
  explicit Counter(const Metric& metric) : name_(metric.name), query_(metric.query) {
    if (query_ && query_->aggregates()) groups_.emplace(*query_);
  }

  void look_at(query::Row& row, query::Collection from, query::Scratch& scratch) {
    if (!query_ || query_->from != from || too_many_groups_) return;
    scratch.clear();
    if (!query::selects(query_->where, row, scratch)) return;
    if (!groups_) {
      ++rows_;
    } else if (!groups_->add(row, scratch)) {
      too_many_groups_ = true;
    }
  }

  void add_to(MetricResults& results) const {
    if (too_many_groups_) return;  // there is no result
    std::uint64_t count = groups_ ? groups_->rows().size() : rows_;
    if (query_ && query_->top) count = std::min(count, *query_->top);
    results.emplace_back(name_, count);
  }

 private:
  std::string name_;
  std::shared_ptr<const query::Query> query_;
  std::optional<query::Groups> groups_;
  std::uint64_t rows_ = 0;
  bool too_many_groups_ = false;
};

}  // namespace

class ConfigurationReports::Count final : public Run {
 public:
  Count(ConfigurationReports& owner, std::vector<ConfigurationStore::Shared> configurations, bool all,
        std::shared_ptr<const storage::Snapshot> snapshot)
      : owner_(owner), all_(all), snapshot_(std::move(snapshot)) {
    for (ConfigurationStore::Shared& configuration : configurations) {
      Counted& counted = counted_.emplace_back();
      for (const Metric& metric : configuration->system_metrics()) counted.system.emplace_back(metric);
      for (const Metric& metric : configuration->metrics) counted.custom.emplace_back(metric);
      counted.configuration = std::move(configuration);
    }
  }
  ~Count() override { --owner_.running_; }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;

  bool step() override {
    if (counted_.empty()) return false;
    if (owner_.stopping_) {
      result_ = fail(Errc::service_unavailable, "The hub is stopping");
      return false;
    }
    std::size_t entities = 0;
    std::size_t bytes = 0;
    bool paused = false;
    const auto scanned = snapshot_->scan(scan_, [&](const storage::StoredEntity& stored) {
      look_at(stored);
      bytes += stored.bytes();
      paused = ++entities >= entities_per_slice() || bytes >= owner_.slices_.slice_bytes;
      if (paused) scan_.after = stored.id();
      return !paused && result_.has_value();
    });
    if (!scanned) result_ = scanned.error();
    return result_ && paused;
  }

  Result<ConfigurationStore::Answer> take() override {
    if (!result_) return result_.error();
    ConfigurationStore::Answer answer;
    if (all_) answer.json = "[";
    for (const Counted& counted : counted_) {
      if (answer.json.size() > 1) answer.json += ',';
      MetricResults system, custom;
      for (const Counter& counter : counted.system) counter.add_to(system);
      for (const Counter& counter : counted.custom) counter.add_to(custom);
      configuration::append_configuration(answer.json, *counted.configuration, system, custom);
      if (!all_) answer.etag = identity_etag(counted.configuration->etag);
    }
    if (all_) answer.json += ']';
    return answer;
  }

 private:
  struct Counted {
    ConfigurationStore::Shared configuration;
    std::vector<Counter> system, custom;
  };

  /// As long as a query's slice, with as many conditions on each twin as there are.
  [[nodiscard]] std::size_t entities_per_slice() const {
    return std::max<std::size_t>(owner_.slices_.slice_entities / counted_.size(), 64);
  }

  void look_at(const storage::StoredEntity& stored) {
    StoredTwinParts parts(stored, *snapshot_, owner_.activities_, true, true, true);
    query::TwinRow row(parts);
    const auto from = stored.module().empty() ? query::Collection::devices : query::Collection::modules;
    for (Counted& counted : counted_) {
      for (Counter& counter : counted.system) counter.look_at(row, from, scratch_);
      for (Counter& counter : counted.custom) counter.look_at(row, from, scratch_);
    }
    if (!parts.error()) result_ = parts.error();
  }

  ConfigurationReports& owner_;
  const bool all_;
  const std::shared_ptr<const storage::Snapshot> snapshot_;
  std::vector<Counted> counted_;
  storage::ScanRequest scan_;
  query::Scratch scratch_;
  Result<void> result_;
};

ConfigurationReports::ConfigurationReports(const storage::Store& store, const Activities& activities,
                                           const ConfigurationStore& configurations,
                                           const ConfigurationOptions& options, const QueryOptions& slices)
    : store_(store), activities_(activities), configurations_(configurations), options_(options), slices_(slices) {}

Result<std::unique_ptr<ConfigurationReports::Run>> ConfigurationReports::begin(const std::string& id) {
  auto found = configurations_.get(id);
  if (!found) return found.error();
  return begin({std::move(*found)}, false);
}

Result<std::unique_ptr<ConfigurationReports::Run>> ConfigurationReports::begin_all() {
  return begin(configurations_.all(), true);
}

Result<std::unique_ptr<ConfigurationReports::Run>> ConfigurationReports::begin(
    std::vector<ConfigurationStore::Shared> configurations, bool all) {
  auto snapshot = store_.snapshot();
  if (!snapshot) return unavailable();
  // From here on the Run counts itself out when it ends.
  if (running_.fetch_add(1) >= options_.reports_max) {
    --running_;
    return fail(Errc::generic_too_many_requests, "Too many configurations are being counted at once; try again");
  }
  return std::unique_ptr<Run>(std::make_unique<Count>(*this, std::move(configurations), all, std::move(*snapshot)));
}

}  // namespace twinhub::hub
