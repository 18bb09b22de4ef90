// The handlers of Resource Manager's routes, a line for each, in the files of their subjects. resource_manager.cpp has
// the table that says which path leads where.
#pragma once

#include "server/management/arm/arm_call.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::management {

inline constexpr std::string_view devices_provider = "Microsoft.Devices";
inline constexpr std::string_view resources_provider = "Microsoft.Resources";

using Handler = ArmAnswer (*)(ArmCall&);

/// `location` of a body; nullopt: there is none, or it is no location. At most 64 bytes.
[[nodiscard]] std::optional<std::string> read_location(json::Value body);

// groups.cpp
ArmAnswer list_subscriptions(ArmCall& call);
ArmAnswer get_subscription(ArmCall& call);
ArmAnswer list_tenants(ArmCall& call);
ArmAnswer list_locations(ArmCall& call);
ArmAnswer list_providers(ArmCall& call);
ArmAnswer get_provider(ArmCall& call);
ArmAnswer list_groups(ArmCall& call);
ArmAnswer get_group(ArmCall& call);
ArmAnswer head_group(ArmCall& call);
ArmAnswer put_group(ArmCall& call);
ArmAnswer patch_group(ArmCall& call);

// deletion.cpp
ArmAnswer delete_group(ArmCall& call);
ArmAnswer delete_hub(ArmCall& call);

// resources.cpp
ArmAnswer list_resources(ArmCall& call);
ArmAnswer list_group_resources(ArmCall& call);

// hubs.cpp
ArmAnswer check_name_availability(ArmCall& call);
ArmAnswer list_hubs(ArmCall& call);
ArmAnswer list_group_hubs(ArmCall& call);
ArmAnswer get_hub(ArmCall& call);
ArmAnswer head_hub(ArmCall& call);
ArmAnswer patch_hub(ArmCall& call);
ArmAnswer fail_over(ArmCall& call);
ArmAnswer empty_list(ArmCall& call);

// hub_put.cpp
ArmAnswer put_hub(ArmCall& call);

// hub_keys.cpp
ArmAnswer list_keys(ArmCall& call);
ArmAnswer get_key(ArmCall& call);

// hub_figures.cpp
ArmAnswer list_skus(ArmCall& call);
ArmAnswer hub_stats(ArmCall& call);
ArmAnswer quota_metrics(ArmCall& call);
ArmAnswer subscription_usages(ArmCall& call);

// hub_routing.cpp
ArmAnswer endpoints_health(ArmCall& call);
ArmAnswer test_all_routes(ArmCall& call);
ArmAnswer test_new_route(ArmCall& call);
ArmAnswer list_consumer_groups(ArmCall& call);
ArmAnswer get_consumer_group(ArmCall& call);
ArmAnswer put_consumer_group(ArmCall& call);
ArmAnswer delete_consumer_group(ArmCall& call);

// hub_certificates.cpp
ArmAnswer list_certificates(ArmCall& call);
ArmAnswer get_certificate(ArmCall& call);
ArmAnswer put_certificate(ArmCall& call);
ArmAnswer delete_certificate(ArmCall& call);
ArmAnswer generate_verification_code(ArmCall& call);
ArmAnswer verify_certificate(ArmCall& call);

// deployments.cpp
ArmAnswer validate_deployment(ArmCall& call);
ArmAnswer what_if(ArmCall& call);
ArmAnswer put_deployment(ArmCall& call);
ArmAnswer get_deployment(ArmCall& call);
ArmAnswer head_deployment(ArmCall& call);
ArmAnswer delete_deployment(ArmCall& call);
ArmAnswer list_deployments(ArmCall& call);
ArmAnswer deployment_operations(ArmCall& call);

}  // namespace twinhub::management
