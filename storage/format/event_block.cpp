#include "storage/format/event_block.hpp"

#include "storage/format/bytes.hpp"
#include "storage/format/event_record.hpp"

#include <utility>

namespace twinhub::storage {
namespace {

constexpr std::uint8_t block_format = 1;

}  // namespace

void append_block_header(std::string& out, std::uint32_t count, Timestamp written) {
  ByteWriter writer(out);
  writer.integer(block_format);
  writer.integer(count);
  writer.integer(written.ticks);
}

std::optional<EventBlock> read_block(std::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.integer<std::uint8_t>() != block_format) return std::nullopt;
  EventBlock block;
  block.count = reader.integer<std::uint32_t>();
  block.written.ticks = reader.integer<std::uint64_t>();
  block.events = reader.view(reader.left());
  if (!reader.ok()) return std::nullopt;
  return block;
}

Result<bool> visit_events(const EventBlock& block, std::uint64_t first,
                          const std::function<bool(std::uint32_t, Event&&)>& visit) {
  std::string_view rest = block.events;
  for (std::uint32_t i = 0; i < block.count; ++i) {
    if (i < first) {
      if (const auto skipped = skip_event(rest); !skipped) return skipped.error();
      continue;
    }
    auto event = decode_event(rest);
    if (!event) return event.error();
    if (!visit(i, std::move(*event))) return false;
  }
  if (!rest.empty()) return fail(Errc::server_error, "a stored block of events has more bytes than events");
  return true;
}

}  // namespace twinhub::storage
