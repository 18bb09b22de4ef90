#include "protocol/query/evaluate.hpp"

#include "protocol/query/functions.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace twinhub::query {
namespace {

/// One row and where its strings go. Depth of recursion: the parser's bound.
class Evaluator {
 public:
  Evaluator(Row& row, Scratch& scratch) : row_(row), scratch_(scratch) {}

  Value operator()(const Expr& expr) { return std::visit(*this, expr.node); }

  Value operator()(const Literal& literal) { return literal.value(); }
  Value operator()(const Path& path) { return row_.value_of(path, scratch_); }
  Value operator()(const Logic& logic);
  Value operator()(const Not& inverse);
  Value operator()(const Comparison& comparison);
  Value operator()(const In& in);
  Value operator()(const Arithmetic& chain);
  Value operator()(const Sign& sign);
  Value operator()(const Call& call);

 private:
  Row& row_;
  Scratch& scratch_;
};

/// AND: false if any is false; OR: true if any is true; else undefined if any is not a boolean.
Value Evaluator::operator()(const Logic& logic) {
  const bool decisive = logic.op == Logic::Op::disjunction;
  bool all_boolean = true;
  for (const Expr& operand : logic.operands) {
    const Value value = (*this)(operand);
    if (value.type != Type::boolean) {
      all_boolean = false;
    } else if (value.boolean == decisive) {
      return value;
    }
  }
  return all_boolean ? Value::of(!decisive) : Value{};
}

Value Evaluator::operator()(const Not& inverse) {
  const Value value = (*this)(inverse.operand.front());
  return value.type == Type::boolean ? Value::of(!value.boolean) : Value{};
}

Value Evaluator::operator()(const Comparison& comparison) {
  using Op = Comparison::Op;
  const Value left = (*this)(comparison.operands[0]);
  const Value right = (*this)(comparison.operands[1]);
  const auto order = compare(left, right, comparison.dates);
  if (order == std::partial_ordering::unordered) return {};
  switch (comparison.op) {
    case Op::equal:
      return Value::of(order == 0);
    case Op::not_equal:
      return Value::of(order != 0);
    default:
      break;
  }
  if (left.type == Type::null) return {};  // null equals null and has no order
  switch (comparison.op) {
    case Op::less:
      return Value::of(order < 0);
    case Op::less_equal:
      return Value::of(order <= 0);
    case Op::greater:
      return Value::of(order > 0);
    default:
      return Value::of(order >= 0);
  }
}

Value Evaluator::operator()(const In& in) {
  const Value wanted = (*this)(in.operand.front());
  if (wanted.is_undefined() || !wanted.is_primitive()) return {};
  const bool found = std::any_of(in.list.begin(), in.list.end(), [&](const Literal& element) {
    return compare(wanted, element.value(), in.dates) == std::partial_ordering::equivalent;
  });
  return Value::of(found != in.negated);
}

Value Evaluator::operator()(const Arithmetic& chain) {
  Value result = (*this)(chain.operands[0]);
  for (std::size_t i = 0; i < chain.ops.size(); ++i) {
    const Value next = (*this)(chain.operands[i + 1]);
    if (result.type != Type::number || next.type != Type::number) return {};
    const double a = result.number;
    const double b = next.number;
    switch (chain.ops[i]) {
      case '+':
        result = Value::of(a + b);
        break;
      case '-':
        result = Value::of(a - b);
        break;
      case '*':
        result = Value::of(a * b);
        break;
      case '/':
        result = Value::of(a / b);
        break;
      default:
        result = Value::of(std::fmod(a, b));
    }
  }
  return result;
}

Value Evaluator::operator()(const Sign& sign) {
  const Value value = (*this)(sign.operand.front());
  if (value.type != Type::number) return {};
  return sign.negative ? Value::of(-value.number) : value;
}

Value Evaluator::operator()(const Call& call) {
  std::vector<Value> arguments;
  arguments.reserve(call.arguments.size());
  for (const Expr& argument : call.arguments) arguments.push_back((*this)(argument));
  return function(call.function).call(arguments, scratch_);
}

}  // namespace

Value evaluate(const Expr& expression, Row& row, Scratch& scratch) { return Evaluator(row, scratch)(expression); }

bool selects(const std::optional<Expr>& condition, Row& row, Scratch& scratch) {
  return !condition || evaluate(*condition, row, scratch).is_true();
}

}  // namespace twinhub::query
