// The IoT hub as a resource: the document that GET answers with.
// Source: azure-rest-api-specs iothub.json ("IotHubDescription"); what the az iot extension reads of it.
#pragma once

#include "server/management/arm/arm_call.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace twinhub::management {

/// `properties` alone: what an update is compared with.
[[nodiscard]] std::string hub_properties(const ArmContext& context, const HubLabels& hub, std::string_view host);
/// `host`: what the client dialled, which becomes the hub's hostName.
[[nodiscard]] std::string hub_document(const ArmContext& context, const HubLabels& hub, std::string_view host);

/// A route, as `properties.routing.routes` has it.
[[nodiscard]] std::string route_document(const ShownRoute& route);

struct HubSize {
  std::string_view sku;
  std::string_view tier;
  std::uint32_t units_max;
};
inline constexpr HubSize hub_sizes[] = {
    {"B1", "Basic", 200},    {"B2", "Basic", 200},    {"B3", "Basic", 10},    {"F1", "Free", 1},
    {"S1", "Standard", 200}, {"S2", "Standard", 200}, {"S3", "Standard", 10},
};
/// Null: there is no such size. In any case.
[[nodiscard]] const HubSize* find_size(std::string_view sku);

/// What limits the hub, if anything does: the setting `sku`. Else the label that the hub was created with.
[[nodiscard]] std::string shown_sku(const ArmContext& context, const HubLabels& hub);
[[nodiscard]] std::uint32_t shown_capacity(const ArmContext& context, const HubLabels& hub);

}  // namespace twinhub::management
