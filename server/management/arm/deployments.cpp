// Deployments of ARM templates into a resource group.
// Source: azure-rest-api-specs resources.json ("Deployments"); what az deployment group create sends and reads.
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/deployment_plan.hpp"
#include "server/management/arm/handlers.hpp"

namespace twinhub::management {
namespace {

constexpr std::size_t document_bytes_max = 256U << 10;

std::string deployment_id(const ArmCall& call) {
  return group_id(call.context, call.group.name) + "/providers/Microsoft.Resources/deployments/" + call.names[1];
}

std::string ids_of(const DeploymentPlan& plan) {
  std::vector<std::string> ids;
  for (const PlannedResource& resource : plan.resources()) ids.push_back(JsonObject().text("id", resource.id).close());
  return json_list(ids);
}

std::string deployment_document(const ArmCall& call, const DeploymentPlan& plan, const std::string& outputs,
                                std::string_view resources_member) {
  const std::string properties = JsonObject()
                                     .text("mode", plan.mode())
                                     .text("provisioningState", "Succeeded")
                                     .raw("parameters", plan.shown_parameters())
                                     .text("timestamp", to_iso8601(call.context.hub.clock.now()))
                                     .text("duration", "PT0S")
                                     .raw("outputs", outputs)
                                     .raw("providers", "[]")
                                     .raw("dependencies", "[]")
                                     .raw(resources_member, ids_of(plan))
                                     .close();
  return JsonObject()
      .text("id", deployment_id(call))
      .text("name", call.names[1])
      .text("type", "Microsoft.Resources/deployments")
      .raw("properties", properties)
      .close();
}

std::optional<ArmAnswer> check_name(const ArmCall& call) {
  if (is_deployment_name(call.names[1])) return std::nullopt;
  return refusal(400, "InvalidDeploymentName", "A deployment's name is 1 to 64 of letters, digits and - _ . ( ).");
}

ArmAnswer put_part(const ArmCall& call, const PlannedResource& resource) {
  ArmRequest part{.method = "PUT", .body = resource.body, .client = call.request.client, .host = call.request.host};
  part.query["api-version"] = resource.api_version;
  std::string_view rest = std::string_view(resource.id).substr(1);
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find('/'));
    part.segments.emplace_back(word);
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  }
  return call.context.answer_part(part);
}

/// The refusal of one resource as that of the deployment, which names both.
ArmAnswer failed(const PlannedResource& resource, const ArmAnswer& part) {
  const auto body = json::parse(part.body);
  const auto error = body ? body->root().find("error") : std::nullopt;
  JsonObject out;
  out.text("code", "DeploymentFailed")
      .text("message", "At least one resource deployment operation failed: " + resource.id)
      .raw("details", error ? "[" + std::string(error->text()) + "]" : "[]");
  return {part.status, JsonObject().raw("error", out.close()).close()};
}

ArmAnswer not_found(const ArmCall& call) {
  return refusal(404, "DeploymentNotFound", "Deployment '" + call.names[1] + "' could not be found.");
}

}  // namespace

ArmAnswer validate_deployment(ArmCall& call) {
  if (auto refused = check_name(call)) return *refused;
  const auto plan = DeploymentPlan::make(call);
  if (!plan) return plan.error();
  return document(deployment_document(call, **plan, "{}", "validatedResources"));
}

ArmAnswer what_if(ArmCall&) {
  return refusal(
      400, "NotImplemented",
      "What a deployment would change is not foretold here. validate says whether the template is understood.");
}

ArmAnswer put_deployment(ArmCall& call) {
  if (auto refused = check_name(call)) return *refused;
  const auto plan = DeploymentPlan::make(call);
  if (!plan) return plan.error();
  for (const PlannedResource& resource : (*plan)->resources()) {
    const ArmAnswer part = put_part(call, resource);
    if (part.status >= 300) return failed(resource, part);
  }
  const auto outputs = (*plan)->outputs(call);
  if (!outputs) return outputs.error();
  Deployment deployment{call.group.name, call.names[1], deployment_document(call, **plan, *outputs, "outputResources"),
                        call.context.hub.clock.now()};
  if (deployment.document.size() > document_bytes_max)
    return invalid_template("parameters and outputs take more than 256 KiB.");
  const bool is_new = !call.context.state.deployment(call.group.name, call.names[1]);
  if (const auto put = call.context.state.put(deployment); !put) return refusal(put.error(), deployment.name);
  log_change(call.request, "template deployed as '" + deployment.name + "' into '" + call.group.name + "'");
  return document(deployment.document, is_new ? 201 : 200);
}

ArmAnswer get_deployment(ArmCall& call) {
  auto deployment = call.context.state.deployment(call.group.name, call.names[1]);
  return deployment ? document(std::move(deployment->document)) : not_found(call);
}

ArmAnswer head_deployment(ArmCall& call) {
  return {call.context.state.deployment(call.group.name, call.names[1]) ? 204 : 404};
}

ArmAnswer delete_deployment(ArmCall& call) {
  if (!call.context.state.deployment(call.group.name, call.names[1])) return {204};
  if (const auto removed = call.context.state.remove_deployment(call.group.name, call.names[1]); !removed)
    return refusal(removed.error(), call.names[1]);
  log_change(call.request, "deployment '" + call.names[1] + "' deleted from the history");
  return {204};
}

ArmAnswer list_deployments(ArmCall& call) {
  std::vector<std::string> documents;
  for (Deployment& deployment : call.context.state.deployments(call.group.name))
    documents.push_back(std::move(deployment.document));
  return document(value_list(documents));
}

ArmAnswer deployment_operations(ArmCall& call) {
  const auto deployment = call.context.state.deployment(call.group.name, call.names[1]);
  if (!deployment) return not_found(call);
  const auto stored = json::parse(deployment->document);
  const auto properties = stored ? stored->root().find("properties") : std::nullopt;
  const auto resources = properties ? properties->find("outputResources") : std::nullopt;
  std::vector<std::string> operations;
  if (resources) {
    for (const json::Value resource : *resources) {
      const std::string number = std::to_string(operations.size() + 1);
      operations.push_back(JsonObject()
                               .text("id", deployment_id(call) + "/operations/" + number)
                               .text("operationId", number)
                               .raw("properties", JsonObject()
                                                      .text("provisioningOperation", "Create")
                                                      .text("provisioningState", "Succeeded")
                                                      .text("timestamp", to_iso8601(deployment->at))
                                                      .text("statusCode", "OK")
                                                      .raw("targetResource", resource.text())
                                                      .close())
                               .close());
    }
  }
  return document(value_list(operations));
}

}  // namespace twinhub::management
