// Engines for the suite that every engine has to pass. A new engine is one more line in all_engines().
#pragma once

#include "storage/engine/engine.hpp"

#include <functional>
#include <memory>
#include <ostream>
#include <vector>

namespace twinhub::storage::testing {

/// Data of one test, and the engines that are opened on it.
class EngineHarness {
 public:
  virtual ~EngineHarness() = default;

  /// Opens the data, as its owner or for reading only. At most one owner at a time is open, unless a test is about
  /// that.
  [[nodiscard]] virtual Result<std::unique_ptr<Engine>> open(bool read_only) = 0;
};

/// Data that outlives the engine, on something that can be made to fail.
class FailingEngineHarness : public EngineHarness {
 public:
  /// From here on a commit fails, and nobody can tell whether it is there.
  virtual void break_commits() = 0;
  virtual void heal() = 0;
};

template <class Harness>
struct EngineKind {
  const char* name;
  std::function<std::unique_ptr<Harness>()> make;
};
template <class Harness>
void PrintTo(const EngineKind<Harness>& kind, std::ostream* out) {
  *out << kind.name;
}

/// Every engine.
[[nodiscard]] std::vector<EngineKind<EngineHarness>> all_engines();
/// Those whose data outlives them.
[[nodiscard]] std::vector<EngineKind<FailingEngineHarness>> durable_engines();

}  // namespace twinhub::storage::testing
