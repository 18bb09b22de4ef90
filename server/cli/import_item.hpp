// One item of an import, made ready to be sent to the hub.
#pragma once

#include "protocol/error.hpp"
#include "server/cli/import_source.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace twinhub::cli {

inline constexpr std::size_t batch_bytes_max = 512U << 10;  ///< of one request, and so of an item

struct ReadyItem {
  std::uint64_t number = 0;
  std::string id;      ///< "device" or "device/module", for messages
  std::string source;  ///< the text as it was read
  std::string text;    ///< the text as it is sent
};

/// Reads an item's import mode and makes the item one that may be sent twice: an etag that the mode does not compare
/// would fail the second time, since the first has changed it. `mode`: for an item that names no import mode. Errors: argument_invalid.
[[nodiscard]] Result<ReadyItem> make_ready(ImportItem item, const std::string& mode);

}  // namespace twinhub::cli
