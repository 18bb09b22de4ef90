// Subscriptions, tenants, locations, providers and resource groups.
// Source: azure-rest-api-specs specification/resources (2021-04-01, subscriptions 2019-11-01).
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/handlers.hpp"

namespace twinhub::management {
namespace {

std::string subscription_document(const ArmContext& context) {
  return JsonObject()
      .text("id", subscription_id(context))
      .text("subscriptionId", context.options.subscription)
      .text("tenantId", context.options.tenant)
      .text("displayName", "twinhub")
      .text("state", "Enabled")
      .text("authorizationSource", "RoleBased")
      .raw("managedByTenants", "[]")
      .raw("subscriptionPolicies",
           R"({"locationPlacementId":"Public_2014-09-01","quotaId":"PayAsYouGo_2014-09-01","spendingLimit":"Off"})")
      .close();
}

std::string group_document(const ArmContext& context, const ResourceGroup& group) {
  return JsonObject()
      .text("id", group_id(context, group.name))
      .text("name", group.name)
      .text("type", "Microsoft.Resources/resourceGroups")
      .text("location", group.location)
      .raw("tags", group.tags)
      .raw("properties", R"({"provisioningState":"Succeeded"})")
      .close();
}

std::vector<std::string> location_titles() {
  std::vector<std::string> titles;
  for (const Location& location : known_locations) titles.emplace_back(location.title);
  return titles;
}

std::string resource_type(std::string_view type, const std::vector<std::string>& versions) {
  return JsonObject()
      .text("resourceType", type)
      .raw("locations", json_texts(location_titles()))
      .raw("apiVersions", json_texts(versions))
      .text("capabilities", "CrossResourceGroupResourceMove, SupportsTags, SupportsLocation")
      .close();
}

std::string provider_document(const ArmContext& context, std::string_view name) {
  std::vector<std::string> types;
  if (name == devices_provider) {
    types.push_back(resource_type(
        "IotHubs", {"2023-06-30", "2023-06-30-preview", "2022-04-30-preview", "2021-07-02", "2020-08-31"}));
    types.push_back(resource_type("ProvisioningServices", {"2022-12-12", "2021-10-15"}));
  } else {
    types.push_back(resource_type("resourceGroups", {"2022-09-01", "2021-04-01"}));
    types.push_back(resource_type("deployments", {"2022-09-01", "2021-04-01"}));
  }
  return JsonObject()
      .text("id", subscription_id(context) + "/providers/" + std::string(name))
      .text("namespace", name)
      .text("registrationState", "Registered")
      .text("registrationPolicy", "RegistrationRequired")
      .raw("resourceTypes", json_list(types))
      .close();
}

/// The provider's name in its own spelling; "" = there is no such provider.
std::string_view known_provider(std::string_view name) {
  if (same_name(name, devices_provider)) return devices_provider;
  return same_name(name, resources_provider) ? resources_provider : std::string_view();
}

ArmAnswer stored(ArmCall& call, const ResourceGroup& group, int status) {
  if (const auto put = call.context.state.put(group); !put) return refusal(put.error(), group.name);
  log_change(call.request, "resource group '" + group.name + (status == 201 ? "' created" : "' updated"));
  return document(group_document(call.context, group), status);
}

}  // namespace

ArmAnswer list_subscriptions(ArmCall& call) { return document(value_list({subscription_document(call.context)})); }

ArmAnswer get_subscription(ArmCall& call) { return document(subscription_document(call.context)); }

ArmAnswer list_tenants(ArmCall& call) {
  const std::string& tenant = call.context.options.tenant;
  return document(value_list(
      {JsonObject().text("id", "/tenants/" + tenant).text("tenantId", tenant).text("displayName", "twinhub").close()}));
}

ArmAnswer list_locations(ArmCall& call) {
  std::vector<std::string> locations;
  for (const Location& location : known_locations) {
    locations.push_back(JsonObject()
                            .text("id", subscription_id(call.context) + "/locations/" + std::string(location.name))
                            .text("name", location.name)
                            .text("displayName", location.title)
                            .text("regionalDisplayName", location.title)
                            .close());
  }
  return document(value_list(locations));
}

ArmAnswer list_providers(ArmCall& call) {
  return document(value_list(
      {provider_document(call.context, devices_provider), provider_document(call.context, resources_provider)}));
}

ArmAnswer get_provider(ArmCall& call) {
  const std::string_view name = known_provider(call.names[0]);
  if (name.empty())
    return refusal(404, "InvalidResourceNamespace", "The resource namespace '" + call.names[0] + "' is invalid.");
  return document(provider_document(call.context, name));
}

ArmAnswer list_groups(ArmCall& call) {
  std::vector<std::string> groups;
  for (const ResourceGroup& group : call.context.state.groups()) groups.push_back(group_document(call.context, group));
  return document(value_list(groups));
}

ArmAnswer get_group(ArmCall& call) { return document(group_document(call.context, call.group)); }

ArmAnswer head_group(ArmCall&) { return {204}; }

ArmAnswer put_group(ArmCall& call) {
  const std::string& name = call.names[0];
  if (!is_group_name(name))
    return refusal(400, "InvalidResourceGroup",
                   "A resource group's name is 1 to 90 of letters, digits and _ - . ( ), without a final dot.");
  const auto body = read_object(call.request);
  if (!body) return body.error();
  const auto tags = read_tags(body->root());
  if (!tags) return tags.error();
  const auto location = read_location(body->root());
  const auto current = call.context.state.group(name);
  if (!current) {
    if (!location) return refusal(400, "LocationRequired", "The location property is required for this definition.");
    if (call.context.state.groups().size() >= ArmState::groups_max)
      return refusal(409, "ResourceGroupQuotaExceeded",
                     "The hub keeps at most " + std::to_string(ArmState::groups_max) + " resource groups.");
    return stored(call, {name, *location, *tags}, 201);
  }
  // The configuration names no location: the first one that is sent is the group's.
  if (!current->kept) return stored(call, {current->name, location.value_or(current->location), *tags}, 200);
  if (location && location_word(*location) != location_word(current->location))
    return refusal(409, "InvalidResourceGroupLocation",
                   "The resource group '" + name + "' exists in the location '" + current->location + "'.");
  return stored(call, {current->name, current->location, *tags}, 200);
}

ArmAnswer patch_group(ArmCall& call) {
  const auto body = read_object(call.request);
  if (!body) return body.error();
  ResourceGroup group = call.group;
  if (body->root().find("tags")) {
    const auto tags = read_tags(body->root());
    if (!tags) return tags.error();
    group.tags = *tags;
  }
  return stored(call, group, 200);
}

}  // namespace twinhub::management
