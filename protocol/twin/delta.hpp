// The delta that a device gets for a change of its desired properties: it names which properties exist now, not which
// values differ.
// Source: azure-iot-sdk-csharp issue 954 (the service team on PUT); azure-iot-sdk-node e2e "can null out all desired
// properties".
#pragma once

#include "protocol/json/document.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub::twin {

/// PATCH: the patch as it was sent, nulls included, without the hub's members, and `$version`.
[[nodiscard]] std::string patch_delta(const json::Value& patch, std::uint64_t version);

/// PUT: the new section, null for every member that went away, at the highest level where it did, and `$version`.
[[nodiscard]] std::string replace_delta(const json::Value& before, const json::Value& after, std::uint64_t version);

/// desired = null: null for every top-level member that was there, and `$version`.
[[nodiscard]] std::string clear_delta(const json::Value& before, std::uint64_t version);

}  // namespace twinhub::twin
