// The value of an expression on one row: three-valued logic over typed values, no errors: what does not fit is
// undefined. Source: azure-docs iot-hub-devguide-query-language ("Expressions and conditions").
#pragma once

#include "protocol/query/ast.hpp"
#include "protocol/query/row.hpp"
#include "protocol/query/value.hpp"

#include <optional>

namespace twinhub::query {

/// Views in the value live as long as `row`, `expression` and what `scratch` keeps.
[[nodiscard]] Value evaluate(const Expr& expression, Row& row, Scratch& scratch);

/// A row is selected when its condition is exactly true, or when there is none.
[[nodiscard]] bool selects(const std::optional<Expr>& condition, Row& row, Scratch& scratch);

}  // namespace twinhub::query
