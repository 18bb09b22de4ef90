// COUNT, AVG, SUM, MIN, MAX and GROUP BY: rows go in one by one, groups come out.
#pragma once

#include "protocol/query/ast.hpp"
#include "protocol/query/row.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace twinhub::query {

/// The most groups that one query may gather; with more the query is refused.
inline constexpr std::size_t groups_max = 10'000;
inline constexpr std::size_t group_bytes_max = 16U << 20;

/// The groups of one query, in memory. One thread.
class Groups {
 public:
  /// `query` aggregates and outlives this.
  explicit Groups(const Query& query);

  /// Adds a selected row. False: there are more groups than one query may gather.
  [[nodiscard]] bool add(Row& row, Scratch& scratch);

  struct Group {
    std::string key;   ///< the same for equal values, e.g. `"wired"`; ASCII order is the order of rows
    std::string json;  ///< the result object
  };
  /// All of them, by key. Without GROUP BY always exactly one.
  [[nodiscard]] std::vector<Group> rows() const;

 private:
  struct Total {
    std::uint64_t numbers = 0;  ///< rows for COUNT
    double sum = 0, least = 0, most = 0;
    bool strings = false;
    std::string first, last;  ///< of strings
  };
  struct Members {
    std::vector<std::string> values;  ///< JSON of the group's values, by number in `group_by`; empty = undefined
    std::vector<Total> totals;        ///< by number of the aggregate
  };

  static void add_value(Total& total, const Value& value);
  [[nodiscard]] static Value result_of(AggregateKind kind, const Total& total);

  const Query& query_;
  std::vector<const Aggregate*> aggregates_;
  std::map<std::string, Members> groups_;
  std::size_t bytes_ = 0;
  std::string key_;  // of the row being added
};

}  // namespace twinhub::query
