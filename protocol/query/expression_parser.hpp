// Recursive descent over one text: the expressions, which every form of query shares.
//
//   expr = or ; or = and {OR and} ; and = not {AND not} ; not = NOT not | cmp
//   cmp  = sum [('=' | '!=' | '<>' | '<' | '<=' | '>' | '>=') sum | [NOT] (IN | NIN) array]
//   sum  = term {('+'|'-') term} ; term = unary {('*'|'/'|'%') unary} ; unary = ['-'|'+'] primary
//   primary = literal | array | function '(' [expr {',' expr}] ')' | path | '(' expr ')'
#pragma once

#include "protocol/query/ast.hpp"
#include "protocol/query/lexer.hpp"
#include "protocol/query/names.hpp"
#include "protocol/query/syntax_error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::query {

/// The first error ends the parse: from then on the current token is the end, and results are meaningless.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, Dialect dialect, bool strict);

  [[nodiscard]] Expr expression();
  [[nodiscard]] Path path();

  [[nodiscard]] const Token& token() const { return token_; }
  void advance();
  [[nodiscard]] bool at(Token::Kind kind) const { return token_.kind == kind; }
  [[nodiscard]] bool at_keyword(std::string_view word) const;
  /// The token behind the current one is of this kind.
  [[nodiscard]] bool before(Token::Kind kind) const;
  /// Steps over it when it is there.
  bool take(Token::Kind kind);
  bool take_keyword(std::string_view word);
  void need(Token::Kind kind, std::string_view what);
  void need_keyword(std::string_view word);
  /// `WHERE` and the like are no names; routing conditions know fewer of them.
  [[nodiscard]] bool at_reserved_word() const;
  void set_dialect(Dialect dialect) { dialect_ = dialect; }

  void fail(std::size_t position, std::string what);
  void fail_unexpected();
  [[nodiscard]] bool failed() const { return error_.has_value(); }
  [[nodiscard]] const SyntaxError& error() const { return *error_; }

 private:
  class Nested;

  Expr disjunction();
  Expr conjunction();
  Expr negation();
  Expr comparison();
  Expr sum();
  Expr term();
  Expr unary();
  Expr primary();
  Expr call(const Token& name);
  Path path_from(Token first);
  RawStep index_step();
  In membership(Expr operand, bool negated);
  Literal array();
  std::vector<Literal> list();
  std::optional<Literal> literal();
  void accept(Parsed<Token> next);

  std::string_view text_;
  Lexer lexer_;
  Dialect dialect_;
  bool strict_;
  Token token_;
  std::optional<SyntaxError> error_;
  std::size_t nesting_ = 0;
};

}  // namespace twinhub::query
