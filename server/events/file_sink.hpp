// Events to a file: one JSON document per line (outgoing.hpp), synced before the cursor moves, rotated by size:
// events.jsonl becomes events.1.jsonl, the next one events.2.jsonl, and so on; the newest are kept.
#pragma once

#include "protocol/error.hpp"
#include "server/events/sink.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>

namespace twinhub::events {

struct FileSinkOptions {
  std::filesystem::path path;  ///< of the file being written; its folder is made when missing
  std::uint64_t rotate_bytes = 64U << 20;
  std::size_t keep = 10;  ///< rotated files; 0 = all
};

[[nodiscard]] std::unique_ptr<Sink> make_file_sink(FileSinkOptions options);

}  // namespace twinhub::events
