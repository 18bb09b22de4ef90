// What a running hub answers to the orders of tests, under /control/ on its operations port.
#pragma once

#include "protocol/error.hpp"
#include "server/net/http_client.hpp"

namespace twinhub::cli {

/// The Error that a refusal stands for, in the hub's words.
[[nodiscard]] Error control_refusal(const net::HttpAnswer& answer);

}  // namespace twinhub::cli
