// Names in Azure Resource Manager: kept as they were given, compared without their case.
// Source: azure-docs resource-name-rules; azure-rest-api-specs iothub.json ("resourceName").
#pragma once

#include <string>
#include <string_view>

namespace twinhub::management {

/// Names, words of a path and GUIDs are the same in any case.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);
/// The form that is the same for names that are.
[[nodiscard]] std::string folded(std::string_view name);

/// 1-90 of letters, digits and _ - . ( ), without a final dot. ASCII only, unlike the cloud's.
[[nodiscard]] bool is_group_name(std::string_view name);
/// 3-50 of letters, digits and -, without one at the end.
[[nodiscard]] bool is_hub_name(std::string_view name);
inline constexpr const char* hub_name_words =
    "A hub's name is 3 to 50 of letters, digits and -, without one at its end.";
/// 1-64 of letters, digits and - _ . ( ).
[[nodiscard]] bool is_deployment_name(std::string_view name);
/// 1-64 of letters, digits and - _ . , the characters that need no escape in a token or a settings file.
[[nodiscard]] bool is_policy_name(std::string_view name);

/// "West US 2" for "westus2"; a location that is not known is shown as it is.
[[nodiscard]] std::string location_title(std::string_view location);
/// "westus2" for "West US 2".
[[nodiscard]] std::string location_word(std::string_view location);

struct Location {
  std::string_view name;
  std::string_view title;
};
/// Regions that clients ask for by name. A hub on premises has none: any text is taken.
inline constexpr Location known_locations[] = {
    {"centralus", "Central US"},
    {"eastus", "East US"},
    {"eastus2", "East US 2"},
    {"northeurope", "North Europe"},
    {"southeastasia", "Southeast Asia"},
    {"westeurope", "West Europe"},
    {"westus", "West US"},
    {"westus2", "West US 2"},
};

}  // namespace twinhub::management
