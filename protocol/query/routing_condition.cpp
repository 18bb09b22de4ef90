#include "protocol/query/routing_condition.hpp"

#include "protocol/query/evaluate.hpp"
#include "protocol/query/expression_parser.hpp"
#include "protocol/query/message_row.hpp"
#include "protocol/query/walk.hpp"

namespace twinhub::query {

Parsed<RoutingCondition> RoutingCondition::parse(std::string_view text, ParseOptions options) {
  ExpressionParser parser(text, Dialect::routing, options.strict);
  RoutingCondition condition;
  condition.expression_ = parser.expression();
  if (!parser.failed() && !parser.at(Token::Kind::end)) parser.fail_unexpected();
  if (parser.failed()) return parser.error();
  each_path(condition.expression_, [&condition](const Path& path) {
    condition.reads_body_ = condition.reads_body_ || path.root == Root::body;
    condition.reads_twin_ = condition.reads_twin_ || path.of_message_twin;
  });
  return condition;
}

RoutingCondition::Outcome RoutingCondition::evaluate(MessageView& message) const {
  MessageRow row(message);
  Scratch scratch;
  const Value value = query::evaluate(expression_, row, scratch);
  if (value.is_true()) return Outcome::matched;
  return value.type == Type::undefined || value.type == Type::null ? Outcome::undefined : Outcome::not_matched;
}

std::optional<std::string> twin_value(std::string_view path, Row& twin) {
  ExpressionParser parser(path, Dialect::routing, false);
  const Path parsed = parser.path();
  if (parser.failed() || !parser.at(Token::Kind::end) || !parsed.of_message_twin) return std::nullopt;
  Scratch scratch;
  const Value value = twin.value_of(parsed, scratch);
  if (value.is_undefined()) return std::nullopt;
  if (value.type == Type::string) return std::string(value.text);
  std::string text;
  append_json(text, value);
  return text;
}

}  // namespace twinhub::query
