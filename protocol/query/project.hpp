// The result object of a selected row.
#pragma once

#include "protocol/query/ast.hpp"
#include "protocol/query/row.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::query {

/// Members of one result object, in the order of the SELECT list; of two with one name the last wins.
class ResultObject {
 public:
  /// Undefined values are left out.
  void set(std::string_view name, const Value& value);
  void append_to(std::string& out) const;

 private:
  std::vector<std::pair<std::string, std::string>> members_;  // name, JSON text
};

/// Appends the row of a query without aggregates: the whole document, or an object of the named values.
void append_row(std::string& out, const Query& query, Row& row, Scratch& scratch);

/// IoT Hub's x-ms-item-type: "Twin", "Raw" or "DeviceJob".
[[nodiscard]] std::string_view item_type(const Query& query);

}  // namespace twinhub::query
