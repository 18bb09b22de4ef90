// What does a record cost on its way to the store and back: bytes of a twin at 1 and 32 KiB, of an identity, an event?
#include "storage/format/record.hpp"

#include "protocol/twin/patch.hpp"
#include "storage/format/event_record.hpp"

#include <benchmark/benchmark.h>
#include <string>

namespace {

using namespace twinhub;

/// Reported properties of `components` components, each about 200 bytes of eight short leaves.
Result<twin::Twin> make_twin(int components) {
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
  const Timestamp now{unix_epoch_ticks};
  return twin::apply_reported_patch(twin::make_twin(now), text + "}", {}, now);
}

void record_encode(benchmark::State& state) {
  const auto twin = make_twin(static_cast<int>(state.range(0)));
  if (!twin) return state.SkipWithError(twin.error().detail.c_str());
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    storage::encode(bytes, *twin);
    benchmark::DoNotOptimize(bytes.data());
  }
  const auto back = storage::decode_twin(bytes);
  if (!back || back->reported.text != twin->reported.text) state.SkipWithError("it does not come back");
  state.counters["record_bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(record_encode)->Arg(6)->Arg(190);

void record_decode(benchmark::State& state) {
  const auto twin = make_twin(static_cast<int>(state.range(0)));
  if (!twin) return state.SkipWithError(twin.error().detail.c_str());
  std::string bytes;
  storage::encode(bytes, *twin);
  for (auto _ : state) {
    const auto back = storage::decode_twin(bytes);
    if (!back) return state.SkipWithError("it does not come back");
    benchmark::DoNotOptimize(back->reported.text.data());
  }
}
BENCHMARK(record_decode)->Arg(6)->Arg(190);

void event_encode(benchmark::State& state) {
  const std::string body(128, 'x');
  const storage::TelemetryDraft event{.device = "device-1",
                                      .enqueued = {638'000'000'000'000'000},
                                      .generation_id = "638000000000000000",
                                      .property_bag = "%24.ct=application%2Fjson",
                                      .body = body};
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    storage::encode(bytes, event);
    benchmark::DoNotOptimize(bytes.data());
  }
  std::string_view rest = bytes;
  const auto back = storage::decode_event(rest);
  if (!back || back->body != body || !rest.empty()) state.SkipWithError("it does not come back");
}
BENCHMARK(event_encode);

}  // namespace
