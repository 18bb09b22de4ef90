#include "server/management/arm/deployment_plan.hpp"

#include "protocol/json/text.hpp"
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"

#include <algorithm>
#include <array>

namespace twinhub::management {
namespace {

/// What a template may hold here, in lower case.
constexpr std::array resource_types = {
    std::string_view("microsoft.devices/iothubs"),
    std::string_view("microsoft.devices/iothubs/certificates"),
    std::string_view("microsoft.devices/iothubs/eventhubendpoints/consumergroups"),
};

bool is_secure(std::string_view type) { return folded(type).starts_with("secure"); }

bool has_type(json::Value value, std::string_view type) {
  const std::string word = folded(type);
  if (word == "string" || word == "securestring") return value.kind() == json::Kind::string;
  if (word == "int") return value.kind() == json::Kind::integer;
  if (word == "bool") return value.kind() == json::Kind::boolean;
  if (word == "object" || word == "secureobject") return value.is_object();
  return word == "array" && value.kind() == json::Kind::array;
}

bool is_allowed(json::Value declaration, json::Value value) {
  const auto allowed = declaration.find("allowedValues");
  return !allowed ||
         std::any_of(allowed->begin(), allowed->end(), [&](json::Value one) { return one.text() == value.text(); });
}

std::optional<json::Value> find_any_case(json::Value object, std::string_view name) {
  if (!object.is_object()) return std::nullopt;
  for (const json::Value member : object) {
    if (same_name(json::unescape(member.key_text()), name)) return member;
  }
  return std::nullopt;
}

/// "/subscriptions/../providers/Microsoft.Devices/IotHubs/h/certificates/c" of type and name, which have as many words.
std::optional<std::string> id_of(const std::string& group_id, std::string_view type, std::string_view name) {
  if (std::count(type.begin(), type.end(), '/') != std::count(name.begin(), name.end(), '/') + 1) return std::nullopt;
  std::string id = group_id + "/providers/" + std::string(type.substr(0, type.find('/')));
  type.remove_prefix(type.find('/') + 1);
  while (true) {
    const std::string_view name_word = name.substr(0, name.find('/'));
    const std::string_view type_word = type.substr(0, type.find('/'));
    if (name_word.empty() || type_word.empty()) return std::nullopt;
    id += "/" + std::string(type_word) + "/" + std::string(name_word);
    if (name_word.size() == name.size()) return id;
    name.remove_prefix(name_word.size() + 1);
    type.remove_prefix(type_word.size() + 1);
  }
}

}  // namespace

ArmResult<std::unique_ptr<DeploymentPlan>> DeploymentPlan::make(const ArmCall& call) {
  auto body = read_object(call.request);
  if (!body) return body.error();
  std::unique_ptr<DeploymentPlan> plan(new DeploymentPlan(std::move(*body)));
  if (auto refused = plan->read(call)) return *refused;
  return plan;
}

std::optional<json::Value> DeploymentPlan::template_member(std::string_view name) const {
  return template_->find(name);
}

std::optional<ArmAnswer> DeploymentPlan::read(const ArmCall& call) {
  const auto properties = body_.root().find("properties");
  if (!properties || !properties->is_object())
    return refusal(400, "InvalidRequestContent", "The body has no properties.");
  template_ = properties->find("template");
  if (!template_ || !template_->is_object())
    return invalid_template("there is no template in the request; links to one are not followed.");

  const ArmContext& context = call.context;
  scope_.group_id = group_id(context, call.group.name);
  scope_.resource_group = JsonObject()
                              .text("id", scope_.group_id)
                              .text("name", call.group.name)
                              .text("type", "Microsoft.Resources/resourceGroups")
                              .text("location", call.group.location)
                              .raw("tags", call.group.tags)
                              .close();
  scope_.subscription = JsonObject()
                            .text("id", subscription_id(context))
                            .text("subscriptionId", context.options.subscription)
                            .text("tenantId", context.options.tenant)
                            .text("displayName", "twinhub")
                            .close();
  scope_.variables = template_member("variables");
  evaluator_.emplace(scope_);
  if (auto refused = read_parameters(*properties)) return refused;
  const auto resources = template_member("resources");
  if (!resources || resources->kind() != json::Kind::array)
    return invalid_template("resources must be a list; symbolic names are not understood here.");
  if (auto refused = read_resources(*resources, "", "")) return refused;
  std::stable_sort(resources_.begin(), resources_.end(), [](const PlannedResource& a, const PlannedResource& b) {
    return std::count(a.id.begin(), a.id.end(), '/') < std::count(b.id.begin(), b.id.end(), '/');
  });
  return read_mode(call, *properties);
}

/// Complete would delete what the template leaves out: the hub is not deleted on the side.
std::optional<ArmAnswer> DeploymentPlan::read_mode(const ArmCall& call, json::Value properties) {
  const auto member = properties.find("mode");
  const std::string mode = member ? member->string().value_or("") : "Incremental";
  if (same_name(mode, "Incremental")) return std::nullopt;
  if (!same_name(mode, "Complete"))
    return refusal(400, "InvalidRequestContent", "properties.mode is Incremental or Complete.");
  mode_ = "Complete";
  const auto hub = call.context.state.hub();
  if (!hub || !same_name(hub->group, call.group.name)) return std::nullopt;
  const std::string id = hub_id(call.context, *hub);
  if (std::any_of(resources_.begin(), resources_.end(), [&](const auto& one) { return same_name(one.id, id); }))
    return std::nullopt;
  return refusal(409, "ScopeLocked",
                 "The mode Complete would delete the hub '" + hub->name + "', which the template leaves out.");
}

std::optional<ArmAnswer> DeploymentPlan::read_parameters(json::Value properties) {
  const auto sent = properties.find("parameters");
  const auto declared = template_member("parameters");
  if (sent && sent->is_object()) {
    for (const json::Value parameter : *sent) {
      const std::string name = json::unescape(parameter.key_text());
      if (!declared || !find_any_case(*declared, name))
        return invalid_template("the template has no parameter '" + name + "'.");
    }
  }
  if (!declared || !declared->is_object()) return std::nullopt;
  JsonObject shown;
  for (const json::Value declaration : *declared) {
    const std::string name = json::unescape(declaration.key_text());
    const auto type_member = declaration.find("type");
    const std::string type = type_member ? type_member->string().value_or("") : "";
    const auto given = sent ? find_any_case(*sent, name) : std::nullopt;
    const auto given_value = given ? given->find("value") : std::nullopt;
    const auto fallback = declaration.find("defaultValue");
    if (given && !given_value)
      return invalid_template("the parameter '" + name + "' has no value: references to vaults are not followed.");
    if (!given_value && !fallback) return invalid_template("the parameter '" + name + "' has no value.");
    const auto text =
        given_value ? ArmResult<std::string>(std::string(given_value->text())) : evaluator_->evaluate(*fallback);
    if (!text) return text.error();
    const auto value = json::parse(*text);
    if (!value || !has_type(value->root(), type))
      return invalid_template("the value of the parameter '" + name + "' is no " + type + ".");
    if (!is_allowed(declaration, value->root()))
      return invalid_template("the value of the parameter '" + name + "' is not among its allowedValues.");
    scope_.parameters[folded(name)] = *text;
    JsonObject entry;
    entry.text("type", type);
    if (!is_secure(type)) entry.raw("value", *text);
    shown.raw(name, entry.close());
  }
  shown_parameters_ = shown.close();
  return std::nullopt;
}

ArmResult<std::string> DeploymentPlan::text_of(json::Value object, std::string_view member) {
  const auto found = object.find(member);
  if (!found) return invalid_template("a resource has no " + std::string(member) + ".");
  const auto evaluated = evaluator_->evaluate(*found);
  if (!evaluated) return evaluated;
  const auto value = json::parse(*evaluated);
  const auto text = value ? value->root().string() : std::nullopt;
  if (!text) return invalid_template("a resource's " + std::string(member) + " is no text.");
  return *text;
}

std::optional<ArmAnswer> DeploymentPlan::read_resources(json::Value resources, const std::string& parent_type,
                                                        const std::string& parent_name) {
  for (const json::Value resource : resources) {
    if (!resource.is_object()) return invalid_template("a resource is no object.");
    if (auto refused = read_resource(resource, parent_type, parent_name)) return refused;
  }
  return std::nullopt;
}

std::optional<ArmAnswer> DeploymentPlan::read_resource(json::Value resource, const std::string& parent_type,
                                                       const std::string& parent_name) {
  if (resources_.size() >= resources_max)
    return invalid_template("a template has at most " + std::to_string(resources_max) + " resources.");
  if (const auto condition = resource.find("condition")) {
    const auto holds = evaluator_->evaluate(*condition);
    if (!holds) return holds.error();
    if (*holds == "false") return std::nullopt;
    if (*holds != "true") return invalid_template("a condition is neither true nor false.");
  }
  auto type = text_of(resource, "type");
  if (!type) return type.error();
  auto name = text_of(resource, "name");
  if (!name) return name.error();
  auto version = text_of(resource, "apiVersion");
  if (!version) return version.error();
  if (!parent_type.empty() && type->find('/') == std::string::npos) {
    *type = parent_type + "/" + *type;
    *name = parent_name + "/" + *name;
  }
  if (std::find(resource_types.begin(), resource_types.end(), folded(*type)) == resource_types.end())
    return invalid_template("the resource type '" + *type + "' is not among those of this hub.");
  const auto id = id_of(scope_.group_id, *type, *name);
  if (!id) return invalid_template("the name '" + *name + "' does not fit the type '" + *type + "'.");

  JsonObject body;
  for (const json::Value member : resource) {
    const std::string key = json::unescape(member.key_text());
    if (key == "copy") return invalid_template("loops (copy) are not understood here.");
    if (key == "resources" || key == "condition" || key == "dependsOn" || key == "comments") continue;
    const auto value = evaluator_->evaluate(member);
    if (!value) return value.error();
    body.raw(key, *value);
  }
  resources_.push_back({*id, *version, body.close()});
  const auto children = resource.find("resources");
  return children ? read_resources(*children, *type, *name) : std::nullopt;
}

ArmResult<std::string> DeploymentPlan::outputs(const ArmCall& call) {
  const auto declared = template_member("outputs");
  if (!declared || !declared->is_object()) return std::string("{}");
  // From here on the resources are there.
  const auto ask = [&call](const std::string& method, std::string id) -> ArmAnswer {
    ArmRequest part{.method = method, .client = call.request.client, .host = call.request.host};
    part.query["api-version"] = "2023-06-30";
    std::string_view rest = id;
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find('/'));
      if (!word.empty()) part.segments.emplace_back(word);
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    return call.context.answer_part(part);
  };
  scope_.list_keys = [ask](const std::string& id) -> ArmResult<std::string> {
    ArmAnswer answer = ask("POST", id + "/listKeys");
    if (answer.status != 200) return answer;
    return answer.body;
  };
  scope_.reference = [ask](const std::string& id) -> ArmResult<std::string> {
    ArmAnswer answer = ask("GET", id);
    if (answer.status != 200) return answer;
    const auto body = json::parse(answer.body);
    const auto properties = body ? body->root().find("properties") : std::nullopt;
    if (!properties) return invalid_template("'" + id + "' has no properties.");
    return std::string(properties->text());
  };
  JsonObject outputs;
  for (const json::Value output : *declared) {
    const auto value = output.find("value");
    const auto type = output.find("type");
    const std::string name = json::unescape(output.key_text());
    if (!value || !type || !type->string()) return invalid_template("the output '" + name + "' has no type or value.");
    const auto evaluated = evaluator_->evaluate(*value);
    if (!evaluated) return evaluated;
    JsonObject entry;
    entry.text("type", *type->string());
    if (!is_secure(*type->string())) entry.raw("value", *evaluated);
    outputs.raw(name, entry.close());
  }
  return outputs.close();
}

}  // namespace twinhub::management
