// A process for kill_test.cpp to kill: raises counters for ever and writes each acknowledged one to standard output.
//
//   twinhub_storage_hammer FOLDER [CHANGES]
//
// After so many changes it makes no more and waits to be killed.
// A line of output is one acknowledgement, 8 bytes: device (4, little-endian), version (4).
#include "tests/unit/storage/store_fixture.hpp"

#include <unistd.h>
#include <cstdlib>
#include <limits>

namespace {

using namespace twinhub::storage;
using namespace twinhub::storage::testing;

constexpr std::uint32_t devices = 40;

void acknowledge(std::uint32_t device, std::uint32_t version) {
  const std::uint32_t line[2] = {device, version};
  if (write(STDOUT_FILENO, line, sizeof line) != sizeof line) std::_Exit(1);  // the parent is gone
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 2;
  const unsigned long changes =
      argc == 3 ? std::strtoul(argv[2], nullptr, 10) : std::numeric_limits<unsigned long>::max();
  auto options = small_options(argv[1]);
  options.memtable_bytes = 256 << 10;
  const auto store = open(options);
  Semaphore room(64);
  for (std::uint32_t i = 0; i < changes; ++i) {
    room.acquire();
    const std::uint32_t device = i * 7919 % devices;
    const twinhub::IdentityId id{"device" + std::to_string(device), ""};
    auto version = std::make_shared<std::uint64_t>(0);
    store->update(
        id,
        [&](const Entity& current) {
          auto change = count_up(id, current);
          *version = counter_of(current) + 1;
          change->events.push_back(make_event(id, std::to_string(*version)));
          return change;
        },
        [&room, device, version](const twinhub::Result<void>& result, Outbox&) {
          if (!result) std::_Exit(3);
          acknowledge(device, static_cast<std::uint32_t>(*version));
          room.release();
        });
  }
  while (true) ::pause();
}
