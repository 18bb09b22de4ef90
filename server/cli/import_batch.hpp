// The items that one POST /devices carries: as many as it takes, each identity once.
#pragma once

#include "server/cli/import_item.hpp"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace twinhub::cli {

class ImportBatch {
 public:
  /// False: it is full, or names the identity already; an item that is named again goes into a later batch.
  [[nodiscard]] bool takes(const ReadyItem& item) const;
  void add(ReadyItem item);
  void clear();
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] std::span<const ReadyItem> items() const { return items_; }

 private:
  std::vector<ReadyItem> items_;
  std::set<std::string> ids_;
  std::size_t bytes_ = 0;
};

/// A JSON array.
[[nodiscard]] std::string bulk_body(std::span<const ReadyItem> items);

}  // namespace twinhub::cli
