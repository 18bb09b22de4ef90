// How Azure Resource Manager answers: documents, and errors in its own shape.
// Source: azure-docs resource-manager common-deployment-errors; azure-rest-api-specs common-types ("ErrorResponse").
#pragma once

#include "protocol/error.hpp"
#include "server/management/arm/arm_types.hpp"

#include <string>
#include <string_view>

namespace twinhub::management {

[[nodiscard]] inline ArmAnswer document(std::string json, int status = 200) { return {status, std::move(json)}; }

/// {"error":{"code":..,"message":..}}. `message` may hold what a client sent.
[[nodiscard]] ArmAnswer refusal(int status, std::string_view code, std::string_view message);

/// The hub's own error in Resource Manager's words. `resource` names what was asked for.
[[nodiscard]] ArmAnswer refusal(const Error& error, std::string_view resource);

}  // namespace twinhub::management
