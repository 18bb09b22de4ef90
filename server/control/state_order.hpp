// What is ordered of the hub's whole state, by POST and DELETE under /control/.
//
//   POST   /control/reset[?to=seed|empty]        the seed, unless the hub was started without one
//   POST   /control/snapshots/NAME               saved; one of that name is replaced
//   POST   /control/snapshots/NAME/restore
//   DELETE /control/snapshots/NAME
#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace twinhub::control {

struct StateOrder {
  enum class Kind : std::uint8_t { reset, reset_to_seed, reset_to_empty, save, restore, remove };
  Kind kind = Kind::reset;
  std::string snapshot = {};  ///< its name
};

/// The order in a request, by its method, its path and what stands behind the path's '?'. Errors: generic_method_not_allowed,
/// with the method that the path takes; device_not_found, there is no such path; argument_invalid.
[[nodiscard]] Result<StateOrder> parse_state_order(std::string_view method, std::string_view path,
                                                   std::string_view query);

/// What came of it: the JSON for whoever ordered it. Errors: those of the disk and the store; precondition_failed when
/// another order is under way, a backup too; device_not_found when there is no such snapshot.
using OrderDone = std::function<void(Result<std::string> outcome)>;

}  // namespace twinhub::control
