// What a PUT asks of the hub beside its labels. The hub's behaviour is set in its settings file: a PUT that says the same
// is accepted, one that asks for something else is refused with the name of the setting, so that nobody believes in a
// route or a network rule that is not there.
#pragma once

#include "server/management/arm/arm_call.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace twinhub::management {

enum class PutKind : std::uint8_t {
  /// A document that was read before and comes back changed: each difference is a wish.
  update,
  /// A hub described anew. az and templates fill in defaults of their own for numbers and times: there the hub's are
  /// shown as they are. Routes, endpoints and what protects the hub count all the same.
  create,
};

/// The answer that refuses `properties`; nullopt: the hub has, or can do without, all of them.
[[nodiscard]] std::optional<ArmAnswer> check_properties(json::Value properties, const ArmContext& context,
                                                        const HubLabels& hub, PutKind kind);

/// An ISO 8601 duration of days, hours, minutes and seconds, in seconds; nullopt for anything else.
[[nodiscard]] std::optional<std::uint64_t> seconds_of_duration(std::string_view text);

}  // namespace twinhub::management
