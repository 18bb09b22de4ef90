// Visiting every path that an expression names.
#pragma once

#include "protocol/query/ast.hpp"

#include <type_traits>
#include <variant>

namespace twinhub::query {

template <class Visit>
void each_path(const Expr& expr, const Visit& visit) {
  std::visit(
      [&visit](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, Path>) {
          visit(node);
        } else if constexpr (std::is_same_v<Node, Logic> || std::is_same_v<Node, Comparison> ||
                             std::is_same_v<Node, Arithmetic>) {
          for (const Expr& operand : node.operands) each_path(operand, visit);
        } else if constexpr (std::is_same_v<Node, Call>) {
          for (const Expr& argument : node.arguments) each_path(argument, visit);
        } else if constexpr (!std::is_same_v<Node, Literal>) {
          for (const Expr& operand : node.operand) each_path(operand, visit);
        }
      },
      expr.node);
}

}  // namespace twinhub::query
