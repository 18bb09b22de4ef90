// What a template asks for, evaluated: the resources to be put, parents first. Nothing is changed yet.
// Source: azure-docs azure-resource-manager templates/syntax.
#pragma once

#include "server/management/arm/arm_call.hpp"
#include "server/management/arm/template_expression.hpp"

#include <optional>
#include <string>
#include <vector>

namespace twinhub::management {

struct PlannedResource {
  std::string id;
  std::string api_version;
  std::string body;  ///< JSON
};

/// Holds on to the request's body: its Values are views into it.
class DeploymentPlan {
 public:
  static constexpr std::size_t resources_max = 50;

  /// Refused: InvalidTemplate, InvalidRequestContent.
  [[nodiscard]] static ArmResult<std::unique_ptr<DeploymentPlan>> make(const ArmCall& call);

  [[nodiscard]] const std::vector<PlannedResource>& resources() const { return resources_; }
  /// {name: {"type":..,"value":..}}; values of secure types are left out.
  [[nodiscard]] const std::string& shown_parameters() const { return shown_parameters_; }
  [[nodiscard]] const std::string& mode() const { return mode_; }
  /// {name: {"type":..,"value":..}}, once the resources are there.
  [[nodiscard]] ArmResult<std::string> outputs(const ArmCall& call);

 private:
  explicit DeploymentPlan(json::Document body) : body_(std::move(body)) {}
  [[nodiscard]] std::optional<ArmAnswer> read(const ArmCall& call);
  [[nodiscard]] std::optional<ArmAnswer> read_mode(const ArmCall& call, json::Value properties);
  [[nodiscard]] std::optional<ArmAnswer> read_parameters(json::Value properties);
  [[nodiscard]] std::optional<ArmAnswer> read_resources(json::Value resources, const std::string& parent_type,
                                                        const std::string& parent_name);
  [[nodiscard]] std::optional<ArmAnswer> read_resource(json::Value resource, const std::string& parent_type,
                                                       const std::string& parent_name);
  [[nodiscard]] ArmResult<std::string> text_of(json::Value object, std::string_view member);
  [[nodiscard]] std::optional<json::Value> template_member(std::string_view name) const;

  json::Document body_;
  std::optional<json::Value> template_;
  TemplateScope scope_;
  std::optional<TemplateEvaluator> evaluator_;
  std::vector<PlannedResource> resources_;
  std::string shown_parameters_ = "{}";
  std::string mode_ = "Incremental";
};

}  // namespace twinhub::management
