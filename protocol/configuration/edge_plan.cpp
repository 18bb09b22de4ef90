#include "protocol/configuration/edge_plan.hpp"

#include "protocol/iothub/identity.hpp"

#include <vector>

namespace twinhub::configuration {
namespace {

/// `id`: of the configuration that the content is of, "" = it is of none.
void lay(std::map<std::string, ModulePlan>& modules, const Content& content, const std::string& id) {
  for (const ModuleSettings& module : content.modules) {
    ModulePlan& plan = modules[module.module];
    if (!id.empty() && !module.settings.empty()) plan.statuses[id] = true;
    for (const Setting& setting : module.settings) {
      plan.desired.put_over(setting.path, setting.value);
      plan.whole = plan.whole || setting.path.empty();
    }
  }
}

}  // namespace

std::map<std::string, ModulePlan> plan_of(const Content& content) {
  std::map<std::string, ModulePlan> modules;
  lay(modules, content, "");
  return modules;
}

EdgePlan plan_edge(const ConfigurationSet& set, const IdentityId& device, const twin::TwinView& twin) {
  EdgePlan plan;
  std::vector<const Configuration*> layers;  // above the whole deployment, the highest first
  const Configuration* whole = nullptr;
  for (const auto& one : set.ranked) {
    if (one->content.form != Form::modules || !targets(*one, device, twin)) continue;
    plan.statuses.emplace(one->id, false);
    if (whole != nullptr) continue;
    if (one->content.layered) {
      layers.push_back(one.get());
    } else {
      whole = one.get();
    }
  }
  if (whole == nullptr) return plan;
  lay(plan.modules, whole->content, whole->id);
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
    lay(plan.modules, (*layer)->content, (*layer)->id);
  for (const auto& [id, applied] : plan.modules.at(std::string(iothub::edge_agent)).statuses)
    plan.statuses[id] = applied;
  return plan;
}

}  // namespace twinhub::configuration
