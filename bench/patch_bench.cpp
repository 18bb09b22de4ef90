// What does one reported patch cost by the twin's rules alone (parse, merge, metadata, size), at 1 and at 32 KiB of
// twin? Each run checks that the patch really was applied.
#include "protocol/twin/patch.hpp"

#include <benchmark/benchmark.h>
#include <string>

namespace {

using namespace twinhub;

/// An object of `components` components, each about 200 bytes of eight short leaves.
std::string many_components(int components) {
  std::string text = "{";
  for (int c = 0; c < components; ++c) {
    if (c > 0) text += ',';
    text += "\"component" + std::to_string(c) + "\":{";
    for (int leaf = 0; leaf < 8; ++leaf) {
      if (leaf > 0) text += ',';
      text += "\"leaf" + std::to_string(leaf) + "\":\"value-" + std::to_string(leaf) + "\"";
    }
    text += '}';
  }
  return text + "}";
}

void reported_patch(benchmark::State& state) {
  const Timestamp now{unix_epoch_ticks};
  auto before =
      twin::apply_reported_patch(twin::make_twin(now), many_components(static_cast<int>(state.range(0))), {}, now);
  if (!before) return state.SkipWithError(before.error().detail.c_str());
  const std::string patch =
      R"({"component2":{"leaf0":"a-new-value","leaf1":"another","leaf2":17,"leaf3":true,"leaf4":"x","leaf5":null}})";
  std::uint64_t version = 0;
  for (auto _ : state) {
    auto after = twin::apply_reported_patch(*before, patch, {}, now);
    if (!after) return state.SkipWithError(after.error().detail.c_str());
    version = after->reported.version;
    benchmark::DoNotOptimize(after);
  }
  if (version != before->reported.version + 1) state.SkipWithError("the patch was not applied");
  state.counters["section_bytes"] = static_cast<double>(before->reported.text.size());
}
BENCHMARK(reported_patch)->Arg(6)->Arg(190);

void device_view(benchmark::State& state) {
  const Timestamp now{unix_epoch_ticks};
  auto twin =
      twin::apply_reported_patch(twin::make_twin(now), many_components(static_cast<int>(state.range(0))), {}, now);
  if (!twin) return state.SkipWithError(twin.error().detail.c_str());
  for (auto _ : state) benchmark::DoNotOptimize(twin::device_view(*twin));
}
BENCHMARK(device_view)->Arg(6)->Arg(190);

void service_view(benchmark::State& state) {
  const Timestamp now{unix_epoch_ticks};
  auto twin =
      twin::apply_reported_patch(twin::make_twin(now), many_components(static_cast<int>(state.range(0))), {}, now);
  if (!twin) return state.SkipWithError(twin.error().detail.c_str());
  iothub::Identity identity;
  identity.id.device = "device-1";
  for (auto _ : state) benchmark::DoNotOptimize(twin::service_view(*twin, identity, {}));
}
BENCHMARK(service_view)->Arg(6)->Arg(190);

}  // namespace
