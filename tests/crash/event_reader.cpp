// Reads the event log of a hub that is dead, beside what its process left behind:
//   event_reader STORE FROM...      FROM: per partition, the first sequence number wanted
// Prints, for each telemetry message, "<partition> <sequence number> <device> <body>".
#include "storage/store.hpp"

#include <cstdlib>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  using namespace twinhub;
  if (argc < 3) {
    std::cerr << "event_reader STORE FROM...\n";
    return 2;
  }
  storage::StoreOptions options;
  options.directory = argv[1];
  options.read_only = true;
  options.event_partitions = static_cast<std::uint32_t>(argc - 2);
  options.now = [] { return Timestamp{}; };
  const auto store = storage::open_rocksdb_store(std::move(options));
  if (!store) {
    std::cerr << store.error().detail << "\n";
    return 1;
  }
  for (std::uint32_t partition = 0; partition + 2 < static_cast<std::uint32_t>(argc); ++partition) {
    const auto from = std::strtoull(argv[partition + 2], nullptr, 10);
    const auto read = (*store)->read_events(partition, from, [&](const storage::StoredEvent& stored) {
      if (stored.event.source == storage::EventSource::telemetry) {
        std::cout << partition << ' ' << stored.sequence_number << ' ' << stored.event.id.device << ' '
                  << stored.event.body << "\n";
      }
      return true;
    });
    if (!read) {
      std::cerr << read.error().detail << "\n";
      return 1;
    }
  }
  return 0;
}
