// Having a running hub read its settings again.
#pragma once

#include "server/cli/ops_orders.hpp"

#include <iosfwd>

namespace twinhub::cli {

/// Orders a reload, waits for it and prints to `out` what came of it; returns the exit code. `hub` was opened for "/reload".
[[nodiscard]] int reload_hub(OpsOrders& hub, std::ostream& out, bool as_json);

}  // namespace twinhub::cli
