// The configurations of a hub applied to one twin: those that target it, and the patch that its desired properties
// still need. A pure function of the twin and the configurations, so it can be evaluated again at any time, after a
// crash too.
// Source: azure-docs iot-hub-automatic-device-management ("Modify a configuration", "Delete a configuration").
#pragma once

#include "protocol/configuration/configuration.hpp"
#include "protocol/configuration/desired_tree.hpp"
#include "protocol/ids.hpp"
#include "protocol/twin/view.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::configuration {

/// All configurations of a hub, the highest rank first. Immutable once it is shared.
struct ConfigurationSet {
  std::vector<std::shared_ptr<const Configuration>> ranked;
  bool has_edge = false;  ///< a configuration has modulesContent

  [[nodiscard]] const Configuration* find(std::string_view id) const;
};
[[nodiscard]] std::shared_ptr<const ConfigurationSet> make_set(
    std::vector<std::shared_ptr<const Configuration>> configurations);

/// By configuration id: true = Applied, false = Targeted (configurations of higher rank set all that this one sets).
using Statuses = std::map<std::string, bool, std::less<>>;

/// A twin's `configurations` member: {"id":{"status":"Applied"}}, in the order of ids; "{}" = none.
[[nodiscard]] std::string text_of(const Statuses& statuses);
[[nodiscard]] Statuses statuses_of(std::string_view text);

/// True when the twin meets the target condition. REQUIRES: the twin is of the kind (device, module) that the content
/// is for.
[[nodiscard]] bool targets(const Configuration& configuration, const IdentityId& id, const twin::TwinView& twin);

/// The desired properties that edge deployments give to one module.
struct ModulePlan {
  DesiredTree desired;
  bool whole = false;  ///< properties that `desired` does not name are removed
  Statuses statuses;   ///< of the deployments that set something of the module
};

struct Assignment {
  Statuses statuses;
  std::string desired_patch;  ///< a merge patch; "" = the twin needs no change
};

/// A device's twin under those with deviceContent, a module's under those with moduleContent. `plan`: what edge
/// deployments want of the module, nullptr = nothing; moduleContent stands above it. Settings of a configuration that
/// was applied and targets the twin no more are removed where the twin still has them; those of a configuration that is
/// no more stay.
[[nodiscard]] Assignment assign(const ConfigurationSet& set, const IdentityId& id, const twin::TwinView& twin,
                                const ModulePlan* plan);

}  // namespace twinhub::configuration
