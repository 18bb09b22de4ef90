// Walking over the canonical JSON text of a stored section without parsing it anew: the text is our own, already
// checked.
#pragma once

#include <cstdint>
#include <string_view>

namespace twinhub::twin {

/// The extent of one value of canonical text.
struct Extent {
  const char* end = nullptr;     ///< behind the value
  std::uint32_t stamps = 0;      ///< nodes with a stamp: objects and leaves; an array is one leaf
  std::uint32_t size_bytes = 0;  ///< by the twin size rule
};

/// Measures the value that starts at `begin`. REQUIRES: canonical text of at most the depth that check_section()
/// allows.
[[nodiscard]] Extent measure(const char* begin);

/// As measure(), but leaves the size at 0, and takes objects 64 bytes at a time: for what a merge leaves as it is,
/// which is nearly all of a twin. `limit`: the end of the text that `begin` points into.
[[nodiscard]] Extent skip(const char* begin, const char* limit);

/// As skip(), from between two members of an object to behind its end; `stamps` are those of the members left.
[[nodiscard]] Extent skip_rest(const char* begin, const char* limit);

/// The closing quote of the string whose first character (behind the opening quote) is at `begin`.
[[nodiscard]] const char* end_of_string(const char* begin);

/// Size rule for a key or string in canonical escaped form: UTF-8 bytes without C0 and C1 control characters.
/// Source: azure-docs iot-hub-devguide-device-twins, "Device twin size".
[[nodiscard]] std::uint32_t string_size(std::string_view escaped);

}  // namespace twinhub::twin
