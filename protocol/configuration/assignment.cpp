#include "protocol/configuration/assignment.hpp"

#include "protocol/iothub/identity.hpp"
#include "protocol/json/document.hpp"
#include "protocol/query/evaluate.hpp"
#include "protocol/query/twin_row.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::configuration {
namespace {

/// The row that a target condition is evaluated on; parts that conditions may not name are never asked for.
class TargetParts final : public query::TwinParts {
 public:
  TargetParts(const IdentityId& id, const twin::TwinView& twin) : id_(id), twin_(twin) {}

  [[nodiscard]] std::string_view device_id() override { return id_.device; }
  [[nodiscard]] std::string_view module_id() override { return id_.module; }
  [[nodiscard]] const twin::TwinView& twin() override { return twin_; }
  [[nodiscard]] const iothub::Identity& identity() override {
    static const iothub::Identity none;
    return none;
  }
  [[nodiscard]] iothub::Activity activity() override { return {}; }
  /// `properties.reported` as such: the dialect lets it through, and only the view has it with its metadata.
  [[nodiscard]] std::string service_view() override {
    iothub::Identity identity;
    identity.id = id_;
    return twin::service_view(twin_.copy(), identity, {});
  }

 private:
  const IdentityId& id_;
  const twin::TwinView& twin_;
};

}  // namespace

const Configuration* ConfigurationSet::find(std::string_view id) const {
  const auto found = std::find_if(ranked.begin(), ranked.end(), [&](const auto& one) { return one->id == id; });
  return found == ranked.end() ? nullptr : found->get();
}

std::shared_ptr<const ConfigurationSet> make_set(std::vector<std::shared_ptr<const Configuration>> configurations) {
  auto set = std::make_shared<ConfigurationSet>();
  set->ranked = std::move(configurations);
  std::sort(set->ranked.begin(), set->ranked.end(), [](const auto& a, const auto& b) { return a->outranks(*b); });
  set->has_edge = std::any_of(set->ranked.begin(), set->ranked.end(),
                              [](const auto& one) { return one->content.form == Form::modules; });
  return set;
}

std::string text_of(const Statuses& statuses) {
  std::string out = "{";
  for (const auto& [id, applied] : statuses) {
    if (out.back() != '{') out += ',';
    // Ids hold nothing that JSON escapes.
    out.append("\"").append(id).append(applied ? R"(":{"status":"Applied"})" : R"(":{"status":"Targeted"})");
  }
  return out + "}";
}

Statuses statuses_of(std::string_view text) {
  Statuses statuses;
  if (text.size() <= 2) return statuses;
  const auto document = json::parse(text);
  if (!document) return statuses;
  for (const json::Value member : document->root()) {
    const auto status = member.find("status");
    statuses.emplace(member.key_text(), status && status->text() == R"("Applied")");
  }
  return statuses;
}

bool targets(const Configuration& configuration, const IdentityId& id, const twin::TwinView& twin) {
  if (!configuration.target) return false;
  TargetParts parts(id, twin);
  query::TwinRow row(parts);
  query::Scratch scratch;
  return query::selects(configuration.target->where, row, scratch);
}

Assignment assign(const ConfigurationSet& set, const IdentityId& id, const twin::TwinView& twin,
                  const ModulePlan* plan) {
  const Form form = id.is_module() ? Form::module : Form::device;
  const Statuses before = statuses_of(twin.configurations);
  Assignment assignment;
  DesiredTree wanted;
  DesiredTree gone;
  for (const auto& one : set.ranked) {
    if (one->content.form != form) continue;
    // What the runtime's own modules are to do is a deployment's to say, not a module configuration's.
    if (!iothub::is_system_module(id) && targets(*one, id, twin)) {
      bool applied = false;
      for (const Setting& setting : one->content.settings) {
        if (wanted.put_below(setting.path, setting.value)) applied = true;
      }
      assignment.statuses.emplace(one->id, applied);
    } else if (const auto was = before.find(one->id); was != before.end() && was->second) {
      for (const Setting& setting : one->content.settings) gone.put_below(setting.path, setting.value);
    }
  }
  if (plan != nullptr) {
    DesiredTree all = plan->desired;
    all.merge(wanted);
    wanted = std::move(all);
  }
  const bool whole = plan != nullptr && plan->whole;
  if (wanted.empty() && gone.empty() && !whole) return assignment;
  if (const auto desired = json::parse(twin.desired.text))
    assignment.desired_patch = wanted.patch_for(desired->root(), whole, gone);
  return assignment;
}

}  // namespace twinhub::configuration
