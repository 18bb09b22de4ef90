// The difference that one change of a twin makes to the bytes of its record (FORMAT.md, "Twin delta"): the engine keeps
// a few of these behind a whole record, so that a patch of 100 bytes does not write 2,000, or 60,000.
//
// It is a difference of bytes and knows no twin rules: putting it onto the record is a few copies.
#pragma once

#include "protocol/twin/document.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub::storage {

/// How many deltas lie behind a twin's last whole record, and their bytes.
struct DeltaChain {
  bool known = false;  ///< false: as read from disk; the next write is a whole record
  std::uint32_t count = 0;
  std::uint32_t bytes = 0;
};

/// Reading folds a chain: one copy of the record for each delta.
inline constexpr std::uint32_t delta_count_max = 16;

/// Appends to `out` the delta that makes encode(before) into encode(after), and counts it into `chain`. False, with
/// `out` as it was: a whole record is due, because the chain is unknown, long, or heavier than the record itself.
[[nodiscard]] bool encode_delta(std::string& out, const twin::Twin& before, const twin::Twin& after, DeltaChain& chain);

/// `out` = `record` with `delta` put onto it. False: `delta` is not one, or not one for this record.
[[nodiscard]] bool apply_delta(std::string_view record, std::string_view delta, std::string& out);

}  // namespace twinhub::storage
