#include "protocol/query/expression_parser.hpp"

#include "protocol/query/functions.hpp"

#include <algorithm>
#include <limits>

namespace twinhub::query {
namespace {

using Kind = Token::Kind;

constexpr std::string_view expression_words[] = {"AND", "OR", "NOT", "IN", "NIN", "NULL", "TRUE", "FALSE", "UNDEFINED"};
constexpr std::string_view clause_words[] = {"SELECT", "TOP", "FROM", "WHERE", "GROUP", "BY", "AS"};

std::optional<Comparison::Op> comparison_of(Kind kind) {
  using Op = Comparison::Op;
  switch (kind) {
    case Kind::equal:
      return Op::equal;
    case Kind::not_equal:
      return Op::not_equal;
    case Kind::less:
      return Op::less;
    case Kind::less_equal:
      return Op::less_equal;
    case Kind::greater:
      return Op::greater;
    case Kind::greater_equal:
      return Op::greater_equal;
    default:
      return std::nullopt;
  }
}

bool is_date(const Expr& expr) {
  const Path* path = std::get_if<Path>(&expr.node);
  return path != nullptr && path->is_date;
}

}  // namespace

/// Counts nesting while it lives: the text comes from a peer, and each level costs stack.
class ExpressionParser::Nested {
 public:
  explicit Nested(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.nesting_ > nesting_max + 1)  // the outermost expression is no nesting
      parser_.fail(parser_.token_.position, "more than " + std::to_string(nesting_max) + " levels of nesting");
  }
  ~Nested() { --parser_.nesting_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  ExpressionParser& parser_;
};

ExpressionParser::ExpressionParser(std::string_view text, Dialect dialect, bool strict)
    : text_(text), lexer_(text), dialect_(dialect), strict_(strict) {
  if (const auto checked = check_text(text); !checked) fail(checked.error().position, checked.error().what);
  advance();
}

void ExpressionParser::fail(std::size_t position, std::string what) {
  if (!error_) error_ = SyntaxError{position, std::move(what)};
  token_ = Token{};
}

void ExpressionParser::fail_unexpected() {
  if (at(Kind::end)) return fail(text_.size(), "unexpected end");
  fail(token_.position, "unexpected '" + std::string(text_.substr(token_.position, token_.bytes)) + "'");
}

void ExpressionParser::accept(Parsed<Token> next) {
  if (!next) return fail(next.error().position, next.error().what);
  token_ = std::move(*next);
}

void ExpressionParser::advance() {
  if (!failed()) accept(lexer_.next());
}

bool ExpressionParser::at_keyword(std::string_view word) const {
  return token_.kind == Kind::name && equals_ignoring_case(token_.text, word);
}

bool ExpressionParser::before(Kind kind) const {
  Lexer ahead = lexer_;
  const auto next = ahead.next();
  return next && next->kind == kind;
}

bool ExpressionParser::take(Kind kind) {
  if (!at(kind)) return false;
  advance();
  return true;
}

bool ExpressionParser::take_keyword(std::string_view word) {
  if (!at_keyword(word)) return false;
  advance();
  return true;
}

void ExpressionParser::need(Kind kind, std::string_view what) {
  if (failed() || take(kind)) return;
  fail(at(Kind::end) ? text_.size() : token_.position, std::string(what) + " is missing");
}

void ExpressionParser::need_keyword(std::string_view word) {
  if (failed() || take_keyword(word)) return;
  fail(at(Kind::end) ? text_.size() : token_.position, std::string(word) + " is missing");
}

bool ExpressionParser::at_reserved_word() const {
  const auto is_word = [this](std::string_view word) { return at_keyword(word); };
  if (std::any_of(std::begin(expression_words), std::end(expression_words), is_word)) return true;
  return dialect_ != Dialect::routing && std::any_of(std::begin(clause_words), std::end(clause_words), is_word);
}

Expr ExpressionParser::expression() {
  const Nested nested(*this);
  return failed() ? Expr{} : disjunction();
}

Expr ExpressionParser::disjunction() {
  Expr first = conjunction();
  if (!at_keyword("OR")) return first;
  const std::size_t position = first.position;
  Logic either{Logic::Op::disjunction, {}};
  either.operands.push_back(std::move(first));
  while (take_keyword("OR")) either.operands.push_back(conjunction());
  return {position, std::move(either)};
}

Expr ExpressionParser::conjunction() {
  Expr first = negation();
  if (!at_keyword("AND")) return first;
  const std::size_t position = first.position;
  Logic both{Logic::Op::conjunction, {}};
  both.operands.push_back(std::move(first));
  while (take_keyword("AND")) both.operands.push_back(negation());
  return {position, std::move(both)};
}

Expr ExpressionParser::negation() {
  const std::size_t position = token_.position;
  if (!at_keyword("NOT")) return comparison();
  const Nested nested(*this);
  advance();
  if (failed()) return {};
  Not inverse;
  inverse.operand.push_back(negation());
  return {position, std::move(inverse)};
}

Expr ExpressionParser::comparison() {
  Expr left = sum();
  const std::size_t position = left.position;
  if (const auto op = comparison_of(token_.kind)) {
    advance();
    Comparison compared{*op, false, {}};
    compared.operands.push_back(std::move(left));
    compared.operands.push_back(sum());
    compared.dates = is_date(compared.operands[0]) || is_date(compared.operands[1]);
    return {position, std::move(compared)};
  }
  const bool negated = take_keyword("NOT");
  if (negated && !at_keyword("IN") && !at_keyword("NIN")) {
    fail_unexpected();
    return {};
  }
  if (at_keyword("IN") || at_keyword("NIN")) {
    const bool nin = at_keyword("NIN");
    if (strict_ && dialect_ == Dialect::routing) fail(token_.position, "IN is not taken in a routing condition");
    advance();
    return {position, membership(std::move(left), negated != nin)};
  }
  return left;
}

In ExpressionParser::membership(Expr operand, bool negated) {
  In in{negated, is_date(operand), {}, {}};
  in.operand.push_back(std::move(operand));
  in.list = list();
  return in;
}

Expr ExpressionParser::sum() {
  Expr first = term();
  if (!at(Kind::plus) && !at(Kind::minus)) return first;
  const std::size_t position = first.position;
  Arithmetic chain;
  chain.operands.push_back(std::move(first));
  while (at(Kind::plus) || at(Kind::minus)) {
    chain.ops.push_back(at(Kind::plus) ? '+' : '-');
    advance();
    chain.operands.push_back(term());
  }
  return {position, std::move(chain)};
}

Expr ExpressionParser::term() {
  const auto at_operator = [this] { return at(Kind::star) || at(Kind::slash) || at(Kind::percent); };
  Expr first = unary();
  if (!at_operator()) return first;
  const std::size_t position = first.position;
  Arithmetic chain;
  chain.operands.push_back(std::move(first));
  while (at_operator()) {
    chain.ops.push_back(at(Kind::star) ? '*' : at(Kind::slash) ? '/' : '%');
    advance();
    chain.operands.push_back(unary());
  }
  return {position, std::move(chain)};
}

Expr ExpressionParser::unary() {
  const std::size_t position = token_.position;
  if (!at(Kind::minus) && !at(Kind::plus)) return primary();
  const Nested nested(*this);
  Sign sign{at(Kind::minus), {}};
  advance();
  if (failed()) return {};
  sign.operand.push_back(unary());
  return {position, std::move(sign)};
}

Expr ExpressionParser::primary() {
  const std::size_t position = token_.position;
  if (auto constant = literal()) return {position, std::move(*constant)};
  if (at(Kind::open_bracket)) return {position, array()};
  if (take(Kind::open)) {
    Expr inner = expression();
    need(Kind::close, "')'");
    return inner;
  }
  if ((!at(Kind::name) && !at(Kind::escaped_name)) || at_reserved_word()) {
    fail_unexpected();
    return {};
  }
  Token first = token_;
  advance();
  if (first.kind == Kind::name && at(Kind::open)) return call(first);
  return {position, path_from(std::move(first))};
}

Expr ExpressionParser::call(const Token& name) {
  const Nested nested(*this);
  const auto number = find_function(name.text, dialect_, strict_);
  if (!number) {
    fail(name.position, "unknown function '" + name.text + "'");
    return {};
  }
  Call call{*number, {}};
  advance();
  while (!failed() && !at(Kind::close)) {
    if (!call.arguments.empty()) need(Kind::comma, "','");
    call.arguments.push_back(expression());
  }
  need(Kind::close, "')'");
  const Function& known = function(*number);
  if (call.arguments.size() < known.arguments_min || call.arguments.size() > known.arguments_max)
    fail(name.position, std::string(known.name) + " does not take " + std::to_string(call.arguments.size()) +
                            (call.arguments.size() == 1 ? " argument" : " arguments"));
  return {name.position, std::move(call)};
}

Path ExpressionParser::path() {
  if ((!at(Kind::name) && !at(Kind::escaped_name)) || at_reserved_word()) {
    fail_unexpected();
    return {};
  }
  Token first = token_;
  advance();
  return path_from(std::move(first));
}

/// `first` has been stepped over.
Path ExpressionParser::path_from(Token first) {
  std::vector<RawStep> steps;
  steps.push_back({first.position, std::move(first.text), 0, false});
  while (!failed()) {
    if (at(Kind::open_bracket)) {
      steps.push_back(index_step());
      continue;
    }
    if (!at(Kind::dot)) break;
    accept(lexer_.next_step());
    if (failed()) return {};
    if ((!at(Kind::name) && !at(Kind::escaped_name)) || at_reserved_word()) {
      fail_unexpected();
      return {};
    }
    steps.push_back({token_.position, token_.text, 0, false});
    advance();
  }
  if (failed()) return {};
  auto bound = bind_path(dialect_, steps);
  if (bound) return std::move(*bound);
  fail(bound.error().position, bound.error().what);
  return {};
}

RawStep ExpressionParser::index_step() {
  advance();
  RawStep step{token_.position, "", 0, false};
  if (at(Kind::number) && token_.whole && token_.number <= std::numeric_limits<std::uint32_t>::max()) {
    step.is_index = true;
    step.index = static_cast<std::uint32_t>(token_.number);
  } else if (at(Kind::string)) {
    step.name = token_.text;
  } else {
    fail_unexpected();
  }
  advance();
  need(Kind::close_bracket, "']'");
  return step;
}

std::vector<Literal> ExpressionParser::list() {
  std::vector<Literal> elements;
  need(Kind::open_bracket, "'['");
  while (!failed() && !at(Kind::close_bracket)) {
    if (!elements.empty()) need(Kind::comma, "','");
    const bool minus = at(Kind::minus);
    if (minus || at(Kind::plus)) {
      advance();
      if (!at(Kind::number)) fail_unexpected();
    }
    auto element = literal();
    if (!element) {
      fail_unexpected();
      break;
    }
    if (minus) element->number = -element->number;
    elements.push_back(std::move(*element));
  }
  need(Kind::close_bracket, "']'");
  return elements;
}

Literal ExpressionParser::array() {
  Literal made;
  made.type = Type::array;
  made.text = "[";
  for (const Literal& element : list()) {
    if (element.type == Type::undefined) continue;
    if (made.text.size() > 1) made.text += ',';
    append_json(made.text, element.value());
  }
  made.text += ']';
  return made;
}

std::optional<Literal> ExpressionParser::literal() {
  Literal made;
  if (at(Kind::string)) {
    made.type = Type::string;
    made.text = token_.text;
  } else if (at(Kind::number)) {
    made.type = Type::number;
    made.number = token_.number;
  } else if (at_keyword("TRUE") || at_keyword("FALSE")) {
    made.type = Type::boolean;
    made.boolean = at_keyword("TRUE");
  } else if (at_keyword("NULL")) {
    made.type = Type::null;
  } else if (!at_keyword("UNDEFINED")) {
    return std::nullopt;
  }
  advance();
  return made;
}

}  // namespace twinhub::query
