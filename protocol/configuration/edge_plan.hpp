// The edge deployments that apply to one IoT Edge device: of those that set $edgeAgent's properties as a whole, the one
// of the highest rank; above that one, the deployments that add layers.
// Source: azure-docs iot-edge module-deployment-monitoring ("Priority", "Layered deployment").
#pragma once

#include "protocol/configuration/assignment.hpp"

#include <map>
#include <string>

namespace twinhub::configuration {

struct EdgePlan {
  /// In the twins of the device and of $edgeAgent: Applied is what sets something of $edgeAgent. A layer that sets other
  /// modules alone is Applied in their twins (Azure/iotedge issue 5299).
  Statuses statuses;
  std::map<std::string, ModulePlan> modules;  ///< by module id; empty = no deployment applies
};

/// Layers that do not outrank the whole deployment, or have none below them, are Targeted and no more.
[[nodiscard]] EdgePlan plan_edge(const ConfigurationSet& set, const IdentityId& device, const twin::TwinView& twin);

/// The plan of modulesContent alone, as applied to a single device. REQUIRES: Form::modules.
[[nodiscard]] std::map<std::string, ModulePlan> plan_of(const Content& content);

}  // namespace twinhub::configuration
