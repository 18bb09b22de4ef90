// The rows of a query as a table for people, whatever their shape.
#pragma once

#include "protocol/json/document.hpp"
#include "server/cli/text_output.hpp"

#include <optional>
#include <string>
#include <vector>

namespace twinhub::cli {

/// Prints rows page by page; the first page decides which columns there are. A column that only later rows have is not
/// shown.
class RowTable {
 public:
  /// `rows`: a JSON array. Nothing is printed for an empty one.
  void add(const json::Value& rows);
  /// Says so on standard error when there were no rows.
  void finish();

 private:
  std::vector<std::string> columns_;
  std::optional<Table> table_;
};

}  // namespace twinhub::cli
