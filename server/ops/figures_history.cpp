#include "server/ops/figures_history.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace twinhub::ops {
namespace {

constexpr float none = std::numeric_limits<float>::quiet_NaN();

/// A counter that is smaller than before has begun anew.
float growth(double before, double now, double per) {
  return now < before || per <= 0 ? none : static_cast<float>((now - before) / per);
}

}  // namespace

FiguresHistory::Ring::Ring(const Range& range_in, std::size_t figures)
    : range(range_in), values(figures * range_in.steps, none) {}

void FiguresHistory::Ring::clear_step(std::uint64_t step) {
  for (std::size_t at = step % range.steps; at < values.size(); at += range.steps) values[at] = none;
}

void FiguresHistory::Ring::go_to(std::uint64_t step) {
  if (any && step > last) {
    // What is further back than the ring is long is cleared once.
    for (std::uint64_t each = std::max(last + 1, step < range.steps ? 0 : step - range.steps + 1); each <= step; ++each)
      clear_step(each);
  }
  last = any ? std::max(last, step) : step;
  any = true;
}

FiguresHistory::FiguresHistory(std::span<const FigureInfo> infos)
    : infos_(infos),
      fine_(fine, infos.size()),
      coarse_(coarse, infos.size()),
      sums_(infos.size()),
      counts_(infos.size()) {
  assert(infos.size() <= figures_max);
}

void FiguresHistory::add(std::span<const Sample> samples, std::uint64_t steady_seconds, Timestamp wall) {
  assert(samples.size() == infos_.size());
  const MutexLock lock(mutex_);
  const bool is_first = !fine_.any;
  if (!is_first && steady_seconds <= fine_.last) return;
  const auto seconds = static_cast<double>(is_first ? 1 : steady_seconds - fine_.last);
  const std::uint64_t coarse_step = steady_seconds / coarse.step_seconds;
  if (is_first || coarse_step > coarse_.last) {
    std::fill(sums_.begin(), sums_.end(), 0);
    std::fill(counts_.begin(), counts_.end(), 0);
  }
  fine_.go_to(steady_seconds);
  coarse_.go_to(coarse_step);
  newest_.values.resize(infos_.size());
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    float value = none;
    if (infos_[i].kind == FigureKind::gauge) {
      value = static_cast<float>(samples[i].value);
    } else if (!is_first) {
      const double per = infos_[i].kind == FigureKind::rate ? seconds : samples[i].per - before_[i].per;
      value = growth(before_[i].value, samples[i].value, per);
    }
    fine_.put(i, steady_seconds, value);
    newest_.values[i] = value;
    if (value != value) continue;
    sums_[i] += static_cast<double>(value);
    coarse_.put(i, coarse_step, static_cast<float>(sums_[i] / ++counts_[i]));
  }
  before_.assign(samples.begin(), samples.end());
  newest_.at = wall;
  ++newest_.number;
}

FiguresHistory::Series FiguresHistory::series(const Range& range) const {
  const MutexLock lock(mutex_);
  const Ring& ring = range.step_seconds == fine.step_seconds ? fine_ : coarse_;
  Series series;
  series.ends_at = newest_.at;
  series.values.resize(infos_.size());
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    auto& values = series.values[i];
    values.reserve(ring.range.steps);
    for (std::uint64_t back = ring.range.steps; back-- > 0;) {
      values.push_back(back > ring.last ? none
                                        : ring.values[i * ring.range.steps + (ring.last - back) % ring.range.steps]);
    }
  }
  return series;
}

FiguresHistory::Newest FiguresHistory::newest() const {
  const MutexLock lock(mutex_);
  return newest_;
}

std::uint64_t FiguresHistory::number() const {
  const MutexLock lock(mutex_);
  return newest_.number;
}

}  // namespace twinhub::ops
