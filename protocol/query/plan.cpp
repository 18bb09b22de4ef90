#include "protocol/query/plan.hpp"

#include "protocol/query/functions.hpp"
#include "protocol/query/walk.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace twinhub::query {
namespace {

bool is_device_id(const Expr& expr) {
  const Path* path = std::get_if<Path>(&expr.node);
  return path != nullptr && path->root == Root::device_id && !path->of_message_twin && path->steps.size() == 1;
}

const std::string* string_in(const Expr& expr) {
  const auto* literal = std::get_if<Literal>(&expr.node);
  return literal != nullptr && literal->type == Type::string ? &literal->text : nullptr;
}

std::optional<std::vector<DeviceRange>> ranges_of(const Comparison& comparison) {
  if (comparison.op != Comparison::Op::equal) return std::nullopt;
  const Expr& left = comparison.operands[0];
  const Expr& right = comparison.operands[1];
  const std::string* id = is_device_id(left) ? string_in(right) : is_device_id(right) ? string_in(left) : nullptr;
  if (id == nullptr) return std::nullopt;
  return std::vector{DeviceRange{*id, false}};
}

std::optional<std::vector<DeviceRange>> ranges_of(const In& in) {
  if (in.negated || !is_device_id(in.operand.front())) return std::nullopt;
  std::set<std::string> ids;
  for (const Literal& literal : in.list) {
    if (literal.type == Type::string) ids.insert(literal.text);
  }
  std::vector<DeviceRange> ranges;
  for (const std::string& id : ids) ranges.push_back({id, false});
  return ranges;
}

std::optional<std::vector<DeviceRange>> ranges_of(const Call& call) {
  const std::string_view name = function(call.function).name;
  if ((name != "STARTSWITH" && name != "STARTS_WITH") || !is_device_id(call.arguments[0])) return std::nullopt;
  const std::string* prefix = string_in(call.arguments[1]);
  if (prefix == nullptr) return std::nullopt;
  return std::vector{DeviceRange{*prefix, true}};
}

/// nullopt: says nothing of device ids.
std::optional<std::vector<DeviceRange>> ranges_of(const Expr& expr) {
  if (const auto* comparison = std::get_if<Comparison>(&expr.node)) return ranges_of(*comparison);
  if (const auto* in = std::get_if<In>(&expr.node)) return ranges_of(*in);
  if (const auto* call = std::get_if<Call>(&expr.node)) return ranges_of(*call);
  const auto* logic = std::get_if<Logic>(&expr.node);
  if (logic == nullptr || logic->op != Logic::Op::conjunction) return std::nullopt;
  std::optional<std::vector<DeviceRange>> best;
  for (const Expr& operand : logic->operands) {
    auto ranges = ranges_of(operand);
    if (!ranges) continue;
    // Ids before prefixes, few before many.
    const auto width = [](const std::vector<DeviceRange>& r) {
      return std::pair(std::any_of(r.begin(), r.end(), [](const DeviceRange& range) { return range.prefix; }),
                       r.size());
    };
    if (!best || width(*ranges) < width(*best)) best = std::move(ranges);
  }
  return best;
}

bool is_job_id(const Expr& expr) {
  const Path* path = std::get_if<Path>(&expr.node);
  return path != nullptr && path->root == Root::document && path->steps.size() == 1 && path->steps[0].key == "jobId";
}

const std::string* job_of(const Expr& expr) {
  if (const auto* comparison = std::get_if<Comparison>(&expr.node)) {
    if (comparison->op != Comparison::Op::equal) return nullptr;
    const Expr& left = comparison->operands[0];
    const Expr& right = comparison->operands[1];
    return is_job_id(left) ? string_in(right) : is_job_id(right) ? string_in(left) : nullptr;
  }
  const auto* logic = std::get_if<Logic>(&expr.node);
  if (logic == nullptr || logic->op != Logic::Op::conjunction) return nullptr;
  for (const Expr& operand : logic->operands) {
    if (const std::string* job = job_of(operand)) return job;
  }
  return nullptr;
}

void add(Needs& needs, const Path& path) {
  switch (path.root) {
    case Root::device_id:
    case Root::module_id:
    case Root::connection_state:
    case Root::last_activity_time:
    case Root::cloud_to_device_message_count:
      break;
    case Root::status:
    case Root::authentication_type:
    case Root::iot_edge:
      needs.identity = true;
      break;
    case Root::document:
      needs.identity = true;
      needs.twin = true;
      break;
    default:
      needs.twin = true;
  }
}

}  // namespace

std::vector<DeviceRange> device_ranges(const std::optional<Expr>& condition) {
  if (condition) {
    if (auto ranges = ranges_of(*condition)) return std::move(*ranges);
  }
  return {{"", true}};
}

std::optional<std::string> required_job(const std::optional<Expr>& condition) {
  const std::string* job = condition ? job_of(*condition) : nullptr;
  return job != nullptr ? std::optional(*job) : std::nullopt;
}

Needs needs_of_condition(const Query& query) {
  Needs needs;
  if (query.where) each_path(*query.where, [&needs](const Path& path) { add(needs, path); });
  return needs;
}

Needs needs_of(const Query& query) {
  Needs needs = needs_of_condition(query);
  if (query.star) return {true, true};
  for (const Path& path : query.group_by) add(needs, path);
  for (const Element& element : query.elements) {
    if (const auto* path = std::get_if<Path>(&element.what)) add(needs, *path);
    const auto* aggregate = std::get_if<Aggregate>(&element.what);
    if (aggregate != nullptr && aggregate->path) add(needs, *aggregate->path);
  }
  return needs;
}

}  // namespace twinhub::query
