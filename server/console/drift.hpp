// Whether a device has done what its desired properties ask for, leaf by leaf.
//
//   applied    reported has the same value at the same path, or an IoT Plug and Play answer {value, ac, av, ad} to this
//              version of the leaf or a later one, with an ac of 200 to 299
//   pending    reported has nothing there, or nothing that was written since
//   diverged   reported was written since, and differs
//   rejected   an answer with an ac of 400 or more
// Source: azure-docs iot-develop concepts-convention ("Writable properties").
#pragma once

#include "protocol/ids.hpp"
#include "protocol/twin/view.hpp"

#include <cstdint>
#include <string_view>

namespace twinhub::console {

enum class DriftState : std::uint8_t { none, applied, pending, diverged, rejected };  ///< the worse the higher

[[nodiscard]] std::string_view name_of(DriftState state);

struct Drift {
  DriftState state = DriftState::none;  ///< the worst of all leaves; none: nothing is desired
  std::uint32_t leaves = 0;             ///< that are not applied
  Timestamp since;                      ///< when the oldest of these was desired; 0 = there are none
};

/// A few microseconds. Pure.
[[nodiscard]] Drift drift_of(const twin::TwinView& twin);

}  // namespace twinhub::console
