// Prints the event log of a data folder's store, one JSON object per line: what tests hold against what was
// acknowledged.
//   dump_events DATA/db [FIRST ...]     FIRST: per partition, the sequence number to begin at
// Opens for reading only, so a hub may be running on the folder.
#include "protocol/json/text.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace twinhub;

constexpr std::uint32_t partitions = 4;  // the default of events.partitions

void append_properties(std::string& line, std::string_view key, const std::vector<iothub::Property>& properties) {
  line += ',';
  json::append_key(line, key);
  line += '{';
  for (bool first = true; const iothub::Property& property : properties) {
    if (!std::exchange(first, false)) line += ',';
    json::append_key(line, property.name);
    if (property.value) {
      json::append_string(line, *property.value);
    } else {
      line += "null";
    }
  }
  line += '}';
}

std::string line_of(std::uint32_t partition, const storage::StoredEvent& stored) {
  const storage::Event& event = stored.event;
  std::string line = "{\"partition\":" + std::to_string(partition) +
                     ",\"sequence\":" + std::to_string(stored.sequence_number) +
                     ",\"source\":" + std::to_string(static_cast<int>(event.source)) + ",\"device\":";
  json::append_string(line, event.id.device);
  line += ",\"module\":";
  json::append_string(line, event.id.module);
  append_properties(line, "system", event.system);
  append_properties(line, "application", event.application);
  return line + ",\"body\":\"" + base64_encode(event.body) + "\"}\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() < 2) {
    std::fprintf(stderr, "usage: dump_events DIRECTORY [FIRST ...]\n");
    return 2;
  }
  const auto store = storage::open_rocksdb_store(
      {.directory = arguments[1], .read_only = true, .event_partitions = partitions, .now = [] {
         return Timestamp{};
       }});
  if (!store) {
    std::fprintf(stderr, "dump_events: %s\n", store.error().detail.c_str());
    return 1;
  }
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    const auto argument = std::size_t{2} + partition;
    const auto first = argument < arguments.size() ? std::strtoull(arguments[argument], nullptr, 10) : 0;
    const auto read = (*store)->read_events(partition, first, [partition](const storage::StoredEvent& stored) {
      const std::string line = line_of(partition, stored);
      return std::fwrite(line.data(), 1, line.size(), stdout) == line.size();
    });
    if (!read) {
      std::fprintf(stderr, "dump_events: %s\n", read.error().detail.c_str());
      return 1;
    }
  }
  return 0;
}
