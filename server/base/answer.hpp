// Telling an answer no sooner than what it rests on is durable.
#pragma once

#include "server/base/done.hpp"
#include "storage/store.hpp"

#include <utility>

namespace twinhub::hub {

/// Words for a peer; what the engine said is for the log.
[[nodiscard]] inline Error unavailable() {
  return fail(Errc::service_unavailable, "The hub's storage does not take requests now");
}

/// Hands `result`, which rests on unit `seq`, to `done`: at once when the unit is durable, else after its commit.
template <class T>
void answer_after(storage::Store& store, storage::CommitSeq seq, Result<T> result, Done<T> done) {
  if (store.is_durable(seq)) {
    storage::Outbox outbox;
    done(std::move(result), outbox);
    return;
  }
  store.when_durable(
      seq, [result = std::move(result), done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
        done(durable ? result : Result<T>(unavailable()), outbox);
      });
}

/// An answer that rests on no state.
template <class T>
void answer_now(Result<T> result, const Done<T>& done) {
  storage::Outbox outbox;
  done(std::move(result), outbox);
}

}  // namespace twinhub::hub
