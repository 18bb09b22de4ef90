// What `twinhub twin watch` prints of an event.
#pragma once

#include "protocol/json/document.hpp"

#include <string>

namespace twinhub::cli {

/// `event`: as `twinhub events tail` prints one. One line for each section of the twin that has changed, or one line
/// for a change of the connection or the identity; "" for any other event.
[[nodiscard]] std::string lines_of_change(const json::Value& event);

}  // namespace twinhub::cli
