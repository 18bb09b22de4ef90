#include "server/hub/jobs/job_targets.hpp"

#include "protocol/query/evaluate.hpp"
#include "protocol/query/parse.hpp"
#include "protocol/query/plan.hpp"
#include "server/hub/jobs/job_record.hpp"
#include "server/hub/queries/stored_twin_parts.hpp"

#include <utility>

namespace twinhub::hub {

Result<std::unique_ptr<JobTargets>> JobTargets::begin(const storage::Store& store, const Activities& activities,
                                                      const std::string& condition, bool strict) {
  auto parsed = query::parse_job_condition(condition, {.strict = strict});
  if (!parsed) return query::to_error(parsed.error(), condition);
  auto snapshot = store.snapshot();
  if (!snapshot) return snapshot.error();
  return std::unique_ptr<JobTargets>(
      new JobTargets(std::move(*snapshot), activities, std::move(*parsed)));  // private constructor
}

JobTargets::JobTargets(std::shared_ptr<const storage::Snapshot> snapshot, const Activities& activities,
                       query::Condition condition)
    : snapshot_(std::move(snapshot)), activities_(activities) {
  query_.from = condition.from;
  query_.where = std::move(condition.where);
  const query::Needs needs = query::needs_of_condition(query_);
  scan_.devices = query_.from == query::Collection::devices;
  scan_.modules = !scan_.devices;
  scan_.identity = needs.identity;
  scan_.twin = needs.twin;
  scan_.ranges.clear();
  for (auto& range : query::device_ranges(query_.where)) scan_.ranges.push_back({std::move(range.text), range.prefix});
}

Result<bool> JobTargets::selects(const storage::StoredEntity& stored) {
  StoredTwinParts parts(stored, *snapshot_, activities_, true, scan_.identity, scan_.twin);
  query::TwinRow row(parts);
  scratch_.clear();
  const bool selected = query::selects(query_.where, row, scratch_);
  if (!parts.error()) return parts.error().error();
  return selected;
}

Result<bool> JobTargets::slice(Limits& limits, std::vector<std::string>& found) {
  Result<void> failed;
  bool paused = false;
  const auto scanned = snapshot_->scan(scan_, [&](const storage::StoredEntity& stored) {
    const auto selected = selects(stored);
    if (!selected) {
      failed = selected.error();
      return false;
    }
    if (*selected) found.push_back(target_key(stored.id()));
    limits.entities -= std::min<std::size_t>(limits.entities, 1);
    limits.bytes -= std::min(limits.bytes, stored.bytes());
    if (found.size() < limits.targets && limits.entities > 0 && limits.bytes > 0) return true;
    scan_.after = stored.id();
    paused = true;
    return false;
  });
  if (!scanned) return scanned.error();
  if (!failed) return failed.error();
  return paused;
}

}  // namespace twinhub::hub
