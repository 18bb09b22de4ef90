#include "server/management/arm/hub_document.hpp"

#include "protocol/iothub/connection_string.hpp"
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"

#include <algorithm>

namespace twinhub::management {
namespace {

std::string hour_text(unsigned seconds) {
  const auto part = [](unsigned value, char unit) { return value == 0 ? std::string() : std::to_string(value) + unit; };
  const unsigned days = seconds / 86'400;
  const std::string time =
      part(seconds % 86'400 / 3600, 'H') + part(seconds % 3600 / 60, 'M') + part(seconds % 60, 'S');
  std::string out = "P" + part(days, 'D');
  if (!time.empty() || days == 0) out += "T" + (time.empty() ? "0S" : time);
  return out;
}

/// Without the port: clients append it where they connect.
std::string host_of(std::string_view host) { return host.empty() ? "localhost" : std::string(host); }

std::string event_hub_endpoints(const ArmContext& context, const std::string& host) {
  std::vector<std::string> ids;
  for (unsigned i = 0; i < context.options.partitions; ++i) ids.push_back(std::to_string(i));
  JsonObject events;
  events.number("retentionTimeInDays", std::max(1U, (context.options.retention_hours + 23) / 24))
      .number("partitionCount", context.options.partitions)
      .raw("partitionIds", json_texts(ids))
      .text("path", context.options.event_hub)
      .text("endpoint", iothub::event_hubs_endpoint(host, context.options.event_hub_port));
  return JsonObject().raw("events", events.close()).close();
}

std::string routing(const ArmContext& context) {
  std::vector<std::string> routes;
  for (const ShownRoute& route : context.options.routing.routes) routes.push_back(route_document(route));
  return JsonObject()
      .raw("endpoints", R"({"serviceBusQueues":[],"serviceBusTopics":[],"eventHubs":[],"storageContainers":[],)"
                        R"("cosmosDBSqlContainers":[]})")
      .raw("routes", json_list(routes))
      .raw("fallbackRoute", route_document(context.options.routing.fallback))
      .close();
}

std::string cloud_to_device(const ArmOptions& options) {
  return JsonObject()
      .number("maxDeliveryCount", options.c2d_max_delivery_count)
      .text("defaultTtlAsIso8601", hour_text(options.c2d_ttl_default_seconds))
      .raw("feedback", R"({"lockDurationAsIso8601":"PT5S","ttlAsIso8601":"PT1H","maxDeliveryCount":10})")
      .close();
}

}  // namespace

const HubSize* find_size(std::string_view sku) {
  const auto* const found =
      std::find_if(std::begin(hub_sizes), std::end(hub_sizes), [&](const HubSize& s) { return same_name(s.sku, sku); });
  return found == std::end(hub_sizes) ? nullptr : found;
}

std::string shown_sku(const ArmContext& context, const HubLabels& hub) {
  return context.options.sku == "off" ? hub.sku : context.options.sku;
}

std::uint32_t shown_capacity(const ArmContext& context, const HubLabels& hub) {
  return context.options.sku == "off" ? hub.capacity : context.options.units;
}

std::string route_document(const ShownRoute& route) {
  return JsonObject()
      .text("name", route.name)
      .text("source", route.source)
      .text("condition", route.condition)
      .raw("endpointNames", json_texts(route.endpoints))
      .flag("isEnabled", route.enabled)
      .close();
}

std::string hub_properties(const ArmContext& context, const HubLabels& hub, std::string_view host) {
  const std::string name = host_of(host);
  const std::string location =
      JsonObject().text("location", location_title(hub.location)).text("role", "primary").close();
  const bool deleting = context.state.erasing().has_value();
  return JsonObject()
      .raw("locations", json_list({location}))
      .text("state", deleting ? "Deleting" : "Active")
      .text("provisioningState", deleting ? "Deleting" : "Succeeded")
      .raw("ipFilterRules", "[]")
      .text("hostName", name)
      .raw("eventHubEndpoints", event_hub_endpoints(context, name))
      .raw("routing", routing(context))
      .raw("storageEndpoints", R"({"$default":{"sasTtlAsIso8601":"PT1H","connectionString":"","containerName":""}})")
      .raw("messagingEndpoints", R"({"fileNotifications":{"lockDurationAsIso8601":"PT5S","ttlAsIso8601":"PT1H",)"
                                 R"("maxDeliveryCount":10}})")
      .flag("enableFileUploadNotifications", false)
      .raw("cloudToDevice", cloud_to_device(context.options))
      .text("features", "None")
      .raw("allowedFqdnList", "[]")
      .close();
}

std::string hub_document(const ArmContext& context, const HubLabels& hub, std::string_view host) {
  const std::string sku = shown_sku(context, hub);
  const HubSize* const size = find_size(sku);
  JsonObject out;
  out.text("id", hub_id(context, hub))
      .text("name", hub.name)
      .text("type", "Microsoft.Devices/IotHubs")
      .text("location", hub.location)
      .raw("tags", hub.tags)
      .text("subscriptionid", context.options.subscription)
      .text("resourcegroup", hub.group)
      .text("etag", twin_etag(hub.etag))
      .raw("properties", hub_properties(context, hub, host))
      .raw("sku", JsonObject()
                      .text("name", sku)
                      .text("tier", size != nullptr ? size->tier : "Standard")
                      .number("capacity", shown_capacity(context, hub))
                      .close())
      .raw("identity", R"({"type":"None"})");
  if (hub.created.ticks > 0) out.raw("systemData", JsonObject().text("createdAt", to_iso8601(hub.created)).close());
  return out.close();
}

}  // namespace twinhub::management
