// A store's folder for tests that open it again: what one hub has left, the next one finds.
#pragma once

#include "storage/store.hpp"
#include "tests/support/cpp/temporary_folder.hpp"

namespace twinhub::hub {

/// Gone with the test. Nothing here cuts the power, so a write is as good as on disk once the kernel has it; a test
/// of what the sync itself does to the hub asks for Durability::sync.
class StoreFolder {
 public:
  explicit StoreFolder(storage::Durability durability = storage::Durability::os) : durability_(durability) {}

  [[nodiscard]] storage::StoreOptions options() const {
    storage::StoreOptions options;
    options.directory = folder_.path() / "db";
    options.durability = durability_;
    options.memtable_bytes = 1U << 20;  // as much room is made for its log, in memory
    return options;
  }

 private:
  test::TemporaryFolder folder_{"hub", test::folder_of_stores()};
  storage::Durability durability_;
};

}  // namespace twinhub::hub
