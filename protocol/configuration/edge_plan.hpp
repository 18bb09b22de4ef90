// What the edge deployments of a hub mean for one IoT Edge device: of those that set $edgeAgent's properties as a
// whole, the one of the highest rank; above it, those that add layers.
// Source: azure-docs iot-edge module-deployment-monitoring ("Priority", "Layered deployment").
#pragma once

#include "protocol/configuration/assignment.hpp"

#include <map>
#include <string>

namespace twinhub::configuration {

struct EdgePlan {
  Statuses statuses;
  std::map<std::string, ModulePlan> modules;  ///< by module id; empty = no deployment applies
};

/// Layers that do not outrank the whole deployment, or have none below them, are Targeted and no more.
[[nodiscard]] EdgePlan plan_edge(const ConfigurationSet& set, const IdentityId& device, const twin::TwinView& twin);

/// The plan of modulesContent alone, as applied to a single device. REQUIRES: Form::modules.
[[nodiscard]] std::map<std::string, ModulePlan> plan_of(const Content& content);

}  // namespace twinhub::configuration
