// A worker thread waits for one of the hub's answers, which come when what they rest on is durable.
#pragma once

#include "server/base/done.hpp"

#include <future>
#include <memory>
#include <utility>

namespace twinhub::management {

/// Calls `begin(done)` and returns what `done` is called with. Not on an I/O thread, nor on the commit thread.
template <class T, class Begin>
[[nodiscard]] Result<T> wait_for(Begin&& begin) {
  // Shared: the promise is still being left when the waiter goes on.
  const auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  std::forward<Begin>(begin)(
      hub::Done<T>([promise](Result<T> result, storage::Outbox&) { promise->set_value(std::move(result)); }));
  return future.get();
}

}  // namespace twinhub::management
