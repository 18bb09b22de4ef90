// Emptying the hub: what deleting an IoT hub means for a process that lives on. Every identity goes, with its twin,
// modules, messages and connections; configurations, CA certificates and jobs that have not begun go as well. The event
// log and the jobs' history keep their own retention.
#pragma once

#include "server/hub/hub.hpp"

#include <functional>

namespace twinhub::management {

/// In slices, through the operations that back ends have. May take seconds to minutes: a worker thread's, or the
/// start's; less once `stopping` says so, which every slice asks. An identity that is created meanwhile may stay.
/// Errors: service_unavailable; it may be called again.
[[nodiscard]] Result<void> empty_hub(hub::Hub& hub, const std::function<bool()>& stopping);

}  // namespace twinhub::management
