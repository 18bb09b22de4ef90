#include "protocol/configuration/edge_plan.hpp"

#include <vector>

namespace twinhub::configuration {
namespace {

void lay(std::map<std::string, ModulePlan>& modules, const Content& content) {
  for (const ModuleSettings& module : content.modules) {
    ModulePlan& plan = modules[module.module];
    for (const Setting& setting : module.settings) {
      plan.desired.put_over(setting.path, setting.value);
      plan.whole = plan.whole || setting.path.empty();
    }
  }
}

}  // namespace

std::map<std::string, ModulePlan> plan_of(const Content& content) {
  std::map<std::string, ModulePlan> modules;
  lay(modules, content);
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
  plan.statuses[whole->id] = true;
  lay(plan.modules, whole->content);
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    plan.statuses[(*layer)->id] = true;
    lay(plan.modules, (*layer)->content);
  }
  return plan;
}

}  // namespace twinhub::configuration
