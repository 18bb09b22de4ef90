// Deleting the hub: it is emptied, and forgets its name. Under a mark, so that a crash in the middle is made good by the
// next start.
#pragma once

#include "server/management/arm/arm_call.hpp"

namespace twinhub::management {

/// REQUIRES: the mark is there (ArmState::begin_erasing). Empties the hub, takes away the policies that clients have
/// added, and removes the mark. Errors: service_unavailable; the mark stays, and it may be called again.
[[nodiscard]] Result<void> carry_out_deletion(const ArmContext& context);

}  // namespace twinhub::management
