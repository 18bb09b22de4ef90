// An event as the first format kept it, all of its properties as text. No hub writes it any more; every hub reads it.
#pragma once

#include "storage/format/bytes.hpp"
#include "storage/format/event_record.hpp"
#include "storage/format/property_list.hpp"

#include <cstdint>
#include <string>

namespace twinhub::storage {

inline std::string first_event_record(const Event& event) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.integer(std::uint8_t{1});
  writer.integer(event.source);
  writer.integer(event.enqueued.ticks);
  writer.text(event.id.device);
  writer.text(event.id.module);
  write_properties(writer, event.system);
  write_properties(writer, event.application);
  writer.text(event.body);
  return bytes;
}

}  // namespace twinhub::storage
