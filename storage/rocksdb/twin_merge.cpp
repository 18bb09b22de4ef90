#include "storage/rocksdb/twin_merge.hpp"

#include "storage/format/twin_delta.hpp"

#include <rocksdb/slice.h>
#include <string>
#include <string_view>
#include <utility>

namespace twinhub::storage {
namespace {

class TwinMergeOperator final : public rocksdb::MergeOperator {
 public:
  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    if (in.existing_value == nullptr) return false;
    std::string spare;
    std::string_view record(in.existing_value->data(), in.existing_value->size());
    for (const rocksdb::Slice& operand : in.operand_list) {
      if (!apply_delta(record, {operand.data(), operand.size()}, spare)) return false;
      std::swap(out->new_value, spare);
      record = out->new_value;
    }
    return true;
  }
  const char* Name() const override { return "twinhub.twin_delta"; }
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> make_twin_merge_operator() { return std::make_shared<TwinMergeOperator>(); }

}  // namespace twinhub::storage
