// Sizes, counts and quotas of the hub.
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/handlers.hpp"
#include "server/management/arm/hub_document.hpp"

namespace twinhub::management {
namespace {

/// GET /statistics/devices, counted at once.
Result<std::string> count_devices(const ArmContext& context) {
  auto count = context.hub.bulk.count();
  if (!count) return count.error();
  while (true) {
    const auto more = count->step();
    if (!more) return more.error();
    if (!*more) return count->json();
  }
}

std::string metric(std::string_view name, std::uint64_t current, std::uint64_t most) {
  return JsonObject().text("name", name).number("currentValue", current).number("maxValue", most).close();
}

}  // namespace

ArmAnswer list_skus(ArmCall&) {
  std::vector<std::string> sizes;
  for (const HubSize& size : hub_sizes) {
    sizes.push_back(JsonObject()
                        .text("resourceType", "Microsoft.Devices/IotHubs")
                        .raw("sku", JsonObject().text("name", size.sku).text("tier", size.tier).close())
                        .raw("capacity", JsonObject()
                                             .number("minimum", 1)
                                             .number("maximum", size.units_max)
                                             .number("default", 1)
                                             .text("scaleType", size.units_max > 1 ? "Manual" : "None")
                                             .close())
                        .close());
  }
  return document(value_list(sizes));
}

ArmAnswer hub_stats(ArmCall& call) {
  auto counted = count_devices(call.context);
  if (!counted) return refusal(counted.error(), call.hub.name);
  return document(std::move(*counted));
}

ArmAnswer quota_metrics(ArmCall& call) {
  const auto counted = count_devices(call.context);
  if (!counted) return refusal(counted.error(), call.hub.name);
  const auto counts = json::parse(*counted);
  const auto total = counts ? counts->root().find("totalDeviceCount") : std::nullopt;
  const auto devices = static_cast<std::uint64_t>(total ? total->integer().value_or(0) : 0);
  const hub::Gate::Figures gate = call.context.hub.gate.figures();
  // IoT Hub's own limit of devices; this hub has none, nor of messages without a `sku`.
  constexpr std::uint64_t devices_max = 1'000'000;
  return document(value_list({metric("TotalMessages", gate.messages_today, gate.daily_messages),
                              metric("TotalDeviceCount", devices, devices_max)}));
}

ArmAnswer subscription_usages(ArmCall& call) {
  const auto usage = [&](std::string_view name, std::string_view title, std::uint64_t current) {
    return JsonObject()
        .text("id", subscription_id(call.context) + "/providers/Microsoft.Devices/usages/" + std::string(name))
        .text("type", "Microsoft.Devices/usages")
        .text("unit", "Count")
        .number("currentValue", current)
        .number("limit", 1)
        .raw("name", JsonObject().text("value", name).text("localizedValue", title).close())
        .close();
  };
  const auto hub = call.context.state.hub();
  const bool free = hub && shown_sku(call.context, *hub) == "F1";
  return document(value_list({usage("paidHubCount", "Paid IoT Hub Count", hub && !free ? 1 : 0),
                              usage("freeHubCount", "Free IoT Hub Count", free ? 1 : 0)}));
}

}  // namespace twinhub::management
