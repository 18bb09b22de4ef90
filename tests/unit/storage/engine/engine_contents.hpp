// Writing to an engine and looking at what it holds, in a line each.
#pragma once

#include "storage/engine/engine.hpp"
#include "storage/format/record.hpp"
#include "storage/format/twin_delta.hpp"
#include "tests/unit/storage/engine/engine_harness.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::storage::testing {

inline std::unique_ptr<Engine> open_or_throw(EngineHarness& harness, bool read_only = false) {
  auto engine = harness.open(read_only);
  if (!engine) throw std::runtime_error(engine.error().detail);
  return std::move(*engine);
}

inline Result<std::string> as_text(std::string_view bytes) { return std::string(bytes); }

/// Of an engine, or at a snapshot.
template <class Source>
std::optional<std::string> value(const Source& source, Family family, std::string_view key) {
  auto found = Reading(source).get(family, key, as_text);
  if (!found) throw std::runtime_error(found.error().detail);
  return *found;
}

/// "key=value" of every key of `family` from `from` on.
template <class Source>
std::vector<std::string> contents(const Source& source, Family family, std::string_view from = "") {
  std::vector<std::string> found;
  const Reading reading(source);
  const auto at = reading.cursor(family);
  for (at->seek(from); at->valid(); at->next())
    found.push_back(std::string(at->key()) + "=" + std::string(at->value()));
  EXPECT_TRUE(at->status());
  return found;
}

/// Commits one batch; returns its outcome.
template <class Write>
CommitOutcome commit(Engine& engine, const Write& write) {
  const auto batch = engine.make_batch();
  write(*batch);
  return engine.commit(*batch).outcome;
}

inline CommitOutcome put(Engine& engine, std::string_view key, std::string_view value,
                         Family family = Family::sessions) {
  return commit(engine, [&](WriteBatch& batch) { batch.put(family, key, value); });
}

inline std::string bytes_of(const twin::Twin& twin) {
  std::string bytes;
  encode(bytes, twin);
  return bytes;
}

/// Twins 0 to `count`, and the deltas from each to the next.
struct DeltaChainOfTwins {
  explicit DeltaChainOfTwins(std::uint64_t count) {
    DeltaChain chain{.known = true};
    records.push_back(bytes_of(*twin_at(0)));
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string delta;
      if (!encode_delta(delta, *twin_at(i), *twin_at(i + 1), chain)) throw std::runtime_error("no delta");
      deltas.push_back(std::move(delta));
      records.push_back(bytes_of(*twin_at(i + 1)));
    }
  }
  /// Large enough for a delta to be smaller.
  static std::shared_ptr<const twin::Twin> twin_at(std::uint64_t counter) {
    auto twin = std::make_shared<twin::Twin>(*make_counter_twin(counter));
    twin->tags = R"({"padding":")" + std::string(2000, 'p') + R"("})";
    return twin;
  }
  std::vector<std::string> records, deltas;
};

}  // namespace twinhub::storage::testing
