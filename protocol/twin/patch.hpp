// How a twin changes, and how `$version` grows: the service's PATCH and PUT, the device's reported patch. Pure functions.
//
// Each takes the body as text, or as what json::parse() gave for the text: a body does not depend on the twin, so the
// hub parses it before it takes the twin's lock. The Error of a body that is no JSON comes in its turn.
// Source: azure-docs iot-hub-devguide-device-twins; RFC 7386 for the merge.
#pragma once

#include "protocol/error.hpp"
#include "protocol/json/document.hpp"
#include "protocol/twin/document.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::twin {

/// A service-side change that passed every rule.
struct ServiceUpdate {
  Twin after;
  bool changed = false;  ///< false: a no-op; `after` equals `before`, nothing is stored or announced
  /// The delta for a subscribed device (with `"$version"`); nullopt when desired was not touched.
  std::optional<std::string> desired_delta;
};

/// How the caller's api-version bends the rules.
struct PatchRules {
  bool arrays_allowed = true;  ///< false before api-version 2019-10-01
};

/// PATCH /twins/{id}: merges `tags` and `properties.desired` of `body`; everything else in it is ignored.
/// Errors: iot_hub_format_error, argument_invalid, device_model_max_properties_exceeded. `before` is left as it was.
[[nodiscard]] Result<ServiceUpdate> apply_service_patch(const Twin& before, std::string_view body, Timestamp now,
                                                        PatchRules rules = {});
[[nodiscard]] Result<ServiceUpdate> apply_service_patch(const Twin& before, const Result<json::Document>& body,
                                                        Timestamp now, PatchRules rules = {});

/// PUT /twins/{id}: `tags` and `properties.desired` become the body's. Errors as above; a null inside is
/// argument_invalid.
[[nodiscard]] Result<ServiceUpdate> apply_service_replace(const Twin& before, std::string_view body, Timestamp now,
                                                          PatchRules rules = {});
[[nodiscard]] Result<ServiceUpdate> apply_service_replace(const Twin& before, const Result<json::Document>& body,
                                                          Timestamp now, PatchRules rules = {});

/// The device's PATCH of its reported properties: always raises reported.$version by one. `expected_version` is the
/// `$version` of the request topic, if any. Errors as above; precondition_failed.
[[nodiscard]] Result<Twin> apply_reported_patch(const Twin& before, std::string_view body,
                                                std::optional<std::uint64_t> expected_version, Timestamp now);
[[nodiscard]] Result<Twin> apply_reported_patch(const Twin& before, const Result<json::Document>& body,
                                                std::optional<std::uint64_t> expected_version, Timestamp now);

}  // namespace twinhub::twin
