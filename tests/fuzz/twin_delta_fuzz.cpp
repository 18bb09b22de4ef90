// Any bytes as a delta, put onto any record: refused, or a record of the length that the delta names. What a delta
// makes of a twin is a twin or refused by the record's reader, and what is read is written as the same bytes. And the
// delta between any two twins makes the second out of the first.
//
// Input: [length of a record, 2 bytes] [record] [bodies of changes, separated by a zero byte]; all of it is a delta,
// too.
#include "storage/format/record.hpp"
#include "storage/format/twin_delta.hpp"

#include "protocol/twin/patch.hpp"

#include "check.hpp"
#include "pieces.hpp"

#include <cstdint>
#include <string>

namespace {

using namespace twinhub;
using namespace twinhub::storage;

std::string record_of(const twin::Twin& twin) {
  std::string record;
  encode(record, twin);
  FUZZ_CHECK(record.size() == encoded_bytes(twin));
  return record;
}

void check_record(std::string_view record) {
  const auto twin = decode_twin(record);
  FUZZ_CHECK(twin.has_value() == view_twin(record).has_value());
  if (!twin) return;
  const std::string again = record_of(*twin);
  // An empty field of configurations is not written.
  if (has_configurations(*twin) || record.front() == again.front()) FUZZ_CHECK(again == record);
}

void check_delta(std::string_view record, std::string_view delta) {
  std::string out = "from before";
  if (!apply_delta(record, delta, out)) return;
  std::string again;
  FUZZ_CHECK(apply_delta(record, delta, again) && again == out);
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, delta.data() + 5, sizeof bytes);
  FUZZ_CHECK(out.size() == bytes);
  check_record(out);
}

void check_change(const twin::Twin& before, const twin::Twin& after, DeltaChain& chain) {
  std::string delta = "kept";
  const DeltaChain had = chain;
  if (!encode_delta(delta, before, after, chain)) {
    FUZZ_CHECK(delta == "kept" && chain.count == had.count && chain.bytes == had.bytes);
    chain = {.known = true};
    return;
  }
  delta.erase(0, 4);
  FUZZ_CHECK(chain.count == had.count + 1 && chain.bytes == had.bytes + delta.size());
  FUZZ_CHECK(chain.count <= delta_count_max && chain.bytes <= encoded_bytes(after));
  std::string made;
  FUZZ_CHECK(apply_delta(record_of(before), delta, made) && made == record_of(after));
  // One byte wrong is refused, or makes what the reader of records judges.
  const std::size_t at = made.size() % delta.size();
  delta[at] = static_cast<char>(delta[at] + 1);
  check_delta(record_of(before), delta);
}

void check_changes(std::string_view bodies, std::string_view delta) {
  Timestamp now{unix_epoch_ticks};
  twin::Twin twin = twin::make_twin(now);
  DeltaChain chain{.known = true};
  const auto step = [&](const twin::Twin& after) {
    check_change(twin, after, chain);
    twin = after;
    now.ticks += ticks_per_second;
  };
  while (!bodies.empty()) {
    const std::string body(bodies.substr(0, bodies.find('\0')));
    bodies.remove_prefix(std::min(body.size() + 1, bodies.size()));
    if (const auto reported = twin::apply_reported_patch(twin, body, {}, now)) step(*reported);
    const std::string desired = R"({"tags":)" + body + R"(,"properties":{"desired":)" + body + "}}";
    if (const auto patched = twin::apply_service_patch(twin, desired, now)) step(patched->after);
    if (body.size() % 8 == 7) {
      if (const auto replaced = twin::apply_service_replace(twin, body, now)) step(replaced->after);
    }
  }
  check_delta(record_of(twin), delta);
  check_record(record_of(twin));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  Pieces pieces(data, size);
  const std::string_view record = pieces.take(pieces.number<std::uint16_t>());
  check_record(record);
  check_record(all);
  check_delta(record, pieces.rest());
  check_delta({}, all);
  check_changes(pieces.rest(), all);
  return 0;
}
