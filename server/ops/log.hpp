// The log: one line per event on standard error, as text or JSON. Tokens and keys never reach it.
#pragma once

#include <string>

namespace twinhub::ops {

/// `level`: trace, debug, info, warn, error or off. Once, before threads start.
void set_up_log(const std::string& level, bool json);

}  // namespace twinhub::ops
