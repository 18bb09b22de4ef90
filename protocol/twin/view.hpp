// A twin that another object holds, seen without copying it: in memory, or in stored bytes as they lie there.
#pragma once

#include "protocol/twin/document.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace twinhub::twin {

/// Valid as long as the texts that it views.
struct SectionView {
  std::string_view text;         ///< as Section's
  std::string_view stamp_bytes;  ///< as Section's stamps lie in memory, at any alignment
  std::uint64_t version = 0;
  std::uint32_t size_bytes = 0;

  [[nodiscard]] std::size_t stamp_count() const { return stamp_bytes.size() / sizeof(Stamp); }
  [[nodiscard]] Stamp stamp(std::size_t index) const {
    Stamp stamp;
    std::memcpy(&stamp, stamp_bytes.data() + index * sizeof(Stamp), sizeof stamp);
    return stamp;
  }
  [[nodiscard]] Section copy() const;
};

struct TwinView {
  std::uint64_t etag_counter = 0;
  std::uint32_t tags_size_bytes = 0;
  std::string_view tags;
  SectionView desired;
  SectionView reported;
  std::string_view model_id;
  std::string_view configurations = "{}";

  [[nodiscard]] std::uint64_t version() const { return etag_counter + reported.version; }
  [[nodiscard]] Twin copy() const;
};

[[nodiscard]] TwinView view_of(const Twin& twin);

}  // namespace twinhub::twin
