// A parsed query, as data. Names are bound: each path says where its value comes from, so that a row reads only the
// parts that are named.
#pragma once

#include "protocol/query/value.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace twinhub::query {

/// One `.name`, `.[[name]]` or `[0]` of a path.
struct Step {
  std::string key;  ///< as JSON text holds it, escaped; empty for an index
  std::uint32_t index = 0;
  bool is_index = false;

  bool operator==(const Step&) const = default;
};

/// Where a path begins: the part of a row that has to be read for it.
enum class Root : std::uint8_t {
  document,  ///< anything else in the row's whole document
  // identity and key
  device_id,
  module_id,
  status,
  authentication_type,
  iot_edge,  ///< capabilities.iotEdge
  // what the hub knows beside the records
  connection_state,
  last_activity_time,
  cloud_to_device_message_count,
  // twin
  etag,
  model_id,
  version,
  tags,
  desired,
  reported,
  desired_version,
  reported_version,
  desired_metadata,
  reported_metadata,
  configurations,
  // messages, in routing conditions
  body,
  system_property,
  application_property,
};

struct Path {
  std::size_t position = 0;  ///< in the text
  Root root = Root::document;
  bool of_message_twin = false;  ///< `$twin...` of a routing condition: `root` and `steps` are the twin's
  bool is_date = false;          ///< its strings are the hub's own dates and compare as moments
  std::uint8_t root_steps = 0;   ///< how many of `steps` `root` stands for
  std::vector<Step> steps;       ///< from the top of the document
  std::string name;              ///< of the member that shows it; of a message property, its name

  [[nodiscard]] bool same_place(const Path& other) const {
    return root == other.root && of_message_twin == other.of_message_twin && steps == other.steps &&
           (root < Root::system_property || name == other.name);
  }
};

struct Expr;

struct Literal {
  Type type = Type::undefined;
  bool boolean = false;
  double number = 0;
  std::string text;  ///< a string's characters; an array's JSON text

  [[nodiscard]] Value value() const { return {type, boolean, number, text}; }
};

struct Logic {
  enum class Op : std::uint8_t { conjunction, disjunction } op = Op::conjunction;
  std::vector<Expr> operands;  ///< two or more
};
struct Not {
  std::vector<Expr> operand;  ///< one
};
struct Comparison {
  enum class Op : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal } op = Op::equal;
  bool dates = false;          ///< a side is a date of the hub's
  std::vector<Expr> operands;  ///< two
};
struct In {
  bool negated = false;
  bool dates = false;
  std::vector<Expr> operand;  ///< one
  std::vector<Literal> list;
};
/// Left to right: operands[0], then each of `ops` with the next operand.
struct Arithmetic {
  std::vector<char> ops;  ///< + - * / %
  std::vector<Expr> operands;
};
struct Sign {
  bool negative = false;
  std::vector<Expr> operand;  ///< one
};
struct Call {
  std::size_t function = 0;  ///< number in the table of functions.hpp
  std::vector<Expr> arguments;
};

struct Expr {
  std::size_t position = 0;
  std::variant<Literal, Path, Logic, Not, Comparison, In, Arithmetic, Sign, Call> node;
};

enum class Collection : std::uint8_t { devices, modules, jobs };

enum class AggregateKind : std::uint8_t { count, avg, sum, min, max };
struct Aggregate {
  AggregateKind kind = AggregateKind::count;
  std::optional<Path> path;  ///< none for COUNT()
};

/// One element of a SELECT, shown under one name.
struct Element {
  std::variant<Path, Aggregate> what;
  std::string name;
};

struct Query {
  Collection from = Collection::devices;
  std::optional<std::uint64_t> top;
  bool star = false;              ///< SELECT *
  std::vector<Element> elements;  ///< else
  std::optional<Expr> where;
  std::vector<Path> group_by;

  /// One row per group instead of one per thing found.
  [[nodiscard]] bool aggregates() const;
};

/// The condition of a job or a configuration.
struct Condition {
  Collection from = Collection::devices;
  std::optional<Expr> where;  ///< none: everything
};

}  // namespace twinhub::query
