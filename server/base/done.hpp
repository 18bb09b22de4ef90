// How the hub answers: once the state that the answer rests on is durable.
#pragma once

#include "protocol/error.hpp"
#include "storage/outbox.hpp"

#include <functional>

namespace twinhub::hub {

/// Called exactly once, on the commit thread or, when nothing has to be waited for, on the caller's own thread before
/// the hub's function returns; of what waits for a device or a time, on whichever thread brings it. It must not block;
/// it reaches an I/O thread through `outbox`.
template <class T>
using Done = std::function<void(Result<T> result, storage::Outbox& outbox)>;

}  // namespace twinhub::hub
