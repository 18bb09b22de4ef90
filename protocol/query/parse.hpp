// Query text to a Query, condition text to a Condition.
// Source: azure-docs iot-hub-devguide-query-language; grammar: expression_parser.hpp and
//
//   query     = SELECT [TOP integer] ('*' | element {',' element}) FROM collection [WHERE expr]
//               [GROUP BY path {',' path}]
//   element   = (path | COUNT '(' ')' | (AVG|SUM|MIN|MAX) '(' path ')') [AS name]
//   condition = '*' | [FROM collection [WHERE]] expr
#pragma once

#include "protocol/query/ast.hpp"
#include "protocol/query/syntax_error.hpp"

#include <string_view>

namespace twinhub::query {

struct ParseOptions {
  bool strict = false;  ///< refuse functions that IoT Hub does not take in that place
};

/// POST /devices/query, and a configuration's metrics.
[[nodiscard]] Parsed<Query> parse_query(std::string_view text, ParseOptions options = {});

/// A job's queryCondition: what may stand behind WHERE, over twins; "FROM devices.modules WHERE ..."; "*".
[[nodiscard]] Parsed<Condition> parse_job_condition(std::string_view text, ParseOptions options = {});

/// A configuration's targetCondition: as a job's, but over deviceId, moduleId, tags and reported properties alone.
[[nodiscard]] Parsed<Condition> parse_target_condition(std::string_view text, ParseOptions options = {});

}  // namespace twinhub::query
