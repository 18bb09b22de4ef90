// The last hours of a hub's figures, in a fixed piece of memory: every second for a quarter of an hour, means of 15 s for
// six hours. For whoever has no Prometheus at hand; what is older, or kept across a restart, is Prometheus' to keep.
#pragma once

#include "protocol/ids.hpp"
#include "storage/guarded.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace twinhub::ops {

enum class FigureKind : std::uint8_t {
  gauge,  ///< as it stands
  rate,   ///< a counter: by how much it grows in a second
  mean,   ///< two counters: by how much the first grows each time the second grows by one
};
struct FigureInfo {
  std::string_view name;
  std::string_view metric;      ///< its series in Prometheus
  std::string_view label = {};  ///< of that: `operation="telemetry"`; "" = none, or the sum of all
  FigureKind kind = FigureKind::gauge;
  std::string_view unit = {};
};

/// Any thread.
class FiguresHistory {
 public:
  static constexpr std::size_t figures_max = 40;
  struct Range {
    std::size_t steps;
    std::uint64_t step_seconds;
  };
  static constexpr Range fine{15 * 60, 1};
  static constexpr Range coarse{6 * 3600 / 15, 15};

  struct Sample {
    double value = 0;
    double per = 0;  ///< FigureKind::mean's second counter
  };

  /// `infos` outlives it; at most figures_max.
  explicit FiguresHistory(std::span<const FigureInfo> infos);

  /// One for each figure; from one thread at a time, once a second. `steady_seconds` may skip some, and does not go back.
  void add(std::span<const Sample> samples, std::uint64_t steady_seconds, Timestamp wall);

  struct Series {
    Timestamp ends_at;                       ///< of the last step; 0 = nothing was added yet
    std::vector<std::vector<float>> values;  ///< by figure; the oldest first, NaN = none
  };
  [[nodiscard]] Series series(const Range& range) const;
  struct Newest {
    std::uint64_t number = 0;  ///< grows with every add()
    Timestamp at;
    std::vector<float> values;
  };
  [[nodiscard]] Newest newest() const;
  /// Newest::number alone: cheap.
  [[nodiscard]] std::uint64_t number() const;
  [[nodiscard]] std::span<const FigureInfo> infos() const { return infos_; }

 private:
  /// Steps of one length, in a ring for each figure.
  struct Ring {
    explicit Ring(const Range& range, std::size_t figures);
    void put(std::size_t figure, std::uint64_t step, float value) {
      values[figure * range.steps + step % range.steps] = value;
    }
    void clear_step(std::uint64_t step);
    /// `last` is the newest step from here on; what lies between has no value.
    void go_to(std::uint64_t step);

    Range range;
    std::vector<float> values;
    std::uint64_t last = 0;
    bool any = false;
  };

  const std::span<const FigureInfo> infos_;
  mutable Mutex mutex_;
  Ring fine_ GUARDED_BY(mutex_);
  Ring coarse_ GUARDED_BY(mutex_);
  std::vector<Sample> before_ GUARDED_BY(mutex_);
  std::vector<double> sums_ GUARDED_BY(mutex_);           ///< of the coarse step under way
  std::vector<std::uint32_t> counts_ GUARDED_BY(mutex_);  ///< the same
  Newest newest_ GUARDED_BY(mutex_);
};

}  // namespace twinhub::ops
