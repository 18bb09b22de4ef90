#include "server/console/pending_count.hpp"

#include "server/base/log.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

namespace twinhub::console {
namespace {

// A slice ends with the first of these, as a query's does.
constexpr std::size_t slice_twins = 4096;
constexpr std::size_t slice_bytes = 8U << 20;

void log_failure(std::string_view why) {
  log::error({.event = "twins_uncounted"}, "console: twins cannot be counted: {}", why);
}

}  // namespace

struct PendingCount::Pass {
  std::shared_ptr<const storage::Snapshot> snapshot;
  storage::ScanRequest scan = {.identity = false};
  Result result = {};

  void look(const IdentityId& id, const Drift& drift) {
    ++result.twins;
    if (drift.leaves == 0) return;
    auto& count = drift.state == DriftState::rejected   ? result.rejected
                  : drift.state == DriftState::diverged ? result.diverged
                                                        : result.pending;
    ++count;
    if (result.oldest.ticks == 0 || drift.since < result.oldest) result.oldest = drift.since;
    if (result.devices.size() < shown_max) result.devices.push_back({id, drift});
  }

  /// True: there is more.
  [[nodiscard]] twinhub::Result<bool> slice() {
    std::size_t twins = slice_twins, bytes = slice_bytes;
    bool paused = false;
    twinhub::Result<void> failed;
    const auto scanned = snapshot->scan(scan, [&](const storage::StoredEntity& stored) {
      const auto twin = stored.twin();
      if (!twin) {
        failed = twin.error();
        return false;
      }
      look(stored.id(), drift_of(*twin));
      bytes -= std::min(bytes, stored.bytes());
      if (--twins > 0 && bytes > 0) return true;
      scan.after = stored.id();
      paused = true;
      return false;
    });
    if (!scanned) return scanned.error();
    if (!failed) return failed.error();
    return paused;
  }
};

PendingCount::State PendingCount::ask() {
  const std::uint64_t now = clock_.steady().ticks;
  const MutexLock lock(mutex_);
  const bool is_old = begun_ == 0 || now - begun_ >= static_cast<std::uint64_t>(pace.count()) * ticks_per_second;
  if (!counting_ && !stopping_ && is_old) {
    counting_ = true;
    begun_ = now;
    boost::asio::post(workers_, [self = shared_from_this()] {
      auto pass = std::make_shared<Pass>();
      pass->result.counted_at = self->clock_.wall();
      auto snapshot = self->store_.snapshot();
      if (!snapshot) return self->end(*pass, false);
      pass->snapshot = std::move(*snapshot);
      self->work(std::move(pass));
    });
  }
  return {result_, counting_};
}

void PendingCount::work(std::shared_ptr<Pass> pass) {
  boost::asio::post(workers_, [self = shared_from_this(), pass = std::move(pass)]() mutable {
    {
      const MutexLock lock(self->mutex_);
      if (self->stopping_) return;
    }
    try {
      const auto more = pass->slice();
      if (more && *more) return self->work(std::move(pass));
      if (!more) log_failure(more.error().detail);
      self->end(*pass, more.has_value());
    } catch (const std::exception& unexpected) {
      log_failure(unexpected.what());
      self->end(*pass, false);
    }
  });
}

void PendingCount::end(const Pass& pass, bool done) {
  const MutexLock lock(mutex_);
  counting_ = false;
  if (!done) return;
  auto result = std::make_shared<Result>(pass.result);
  result->number = result_->number + 1;
  result_ = std::move(result);
}

void PendingCount::stop() {
  const MutexLock lock(mutex_);
  stopping_ = true;
}

}  // namespace twinhub::console
