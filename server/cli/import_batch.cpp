#include "server/cli/import_batch.hpp"

#include <utility>

namespace twinhub::cli {
namespace {

constexpr std::size_t batch_items_max = 100;  // POST /devices takes no more

}  // namespace

bool ImportBatch::takes(const ReadyItem& item) const {
  return items_.size() < batch_items_max && bytes_ + item.text.size() <= batch_bytes_max && ids_.count(item.id) == 0;
}

void ImportBatch::add(ReadyItem item) {
  ids_.insert(item.id);
  bytes_ += item.text.size() + 1;
  items_.push_back(std::move(item));
}

void ImportBatch::clear() {
  items_.clear();
  ids_.clear();
  bytes_ = 0;
}

std::string bulk_body(std::span<const ReadyItem> items) {
  std::string body = "[";
  for (const ReadyItem& item : items) body += (body.size() > 1 ? "," : "") + item.text;
  return body + "]";
}

}  // namespace twinhub::cli
