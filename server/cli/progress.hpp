// A line on standard error that shows how far a long command has come, on a terminal only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace twinhub::cli {

class Progress {
 public:
  Progress();
  ~Progress() { clear(); }
  /// `text` without the time; shown at most a few times a second.
  void show(const std::string& text);
  /// Removes the line, before other text is written there.
  void clear();
  [[nodiscard]] double seconds() const;

 private:
  using clock = std::chrono::steady_clock;
  bool terminal_ = false;
  bool shown_ = false;
  clock::time_point begin_ = clock::now();
  clock::time_point last_{};
};

}  // namespace twinhub::cli
