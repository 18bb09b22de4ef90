// What does one row cost a query by itself: reading the query, and its condition on one twin, true and false?
#include "protocol/query/evaluate.hpp"
#include "protocol/query/parse.hpp"
#include "protocol/query/twin_row.hpp"
#include "protocol/twin/patch.hpp"

#include <benchmark/benchmark.h>
#include <string>

namespace {

using namespace twinhub;

constexpr std::string_view selecting =
    "SELECT * FROM devices WHERE tags.location.plant = 'plant-3' AND properties.reported.temperature > 20";
constexpr std::string_view passing_over =
    "SELECT * FROM devices WHERE tags.location.plant = 'plant-4' AND properties.reported.temperature > 20";

/// About 1 KiB as stored.
Result<twin::Twin> make_twin() {
  const Timestamp now{unix_epoch_ticks};
  std::string reported = "{";
  for (int leaf = 0; leaf < 24; ++leaf)
    reported += "\"property" + std::to_string(leaf) + "\":\"value-" + std::to_string(leaf) + "\",";
  reported += R"("connectivity":{"type":"cellular","signal":-70},"temperature":21})";
  const auto patched = twin::apply_service_patch(
      twin::make_twin(now), R"({"tags":{"location":{"region":"EU","plant":"plant-3"},"floor":7}})", now);
  if (!patched) return patched.error();
  return twin::apply_reported_patch(patched->after, reported, {}, now);
}

void query_parse(benchmark::State& state) {
  for (auto _ : state) {
    const auto query = query::parse_query(selecting);
    if (!query) return state.SkipWithError("not a query");
    benchmark::DoNotOptimize(query);
  }
}
BENCHMARK(query_parse);

void query_evaluate(benchmark::State& state, std::string_view text, bool wanted) {
  const auto query = query::parse_query(text);
  const auto twin = make_twin();
  if (!query || !twin) return state.SkipWithError("no query or no twin");
  iothub::Identity identity;
  identity.id.device = "device-1";
  query::Scratch scratch;
  for (auto _ : state) {
    query::MemoryParts parts(identity, *twin);
    query::TwinRow row(parts);
    if (query::selects(query->where, row, scratch) != wanted) return state.SkipWithError("wrong verdict");
  }
}
BENCHMARK_CAPTURE(query_evaluate, selected, selecting, true);
BENCHMARK_CAPTURE(query_evaluate, passed_over, passing_over, false);

}  // namespace
