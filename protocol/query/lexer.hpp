// Query text to tokens, one at a time: what a token is depends on where it stands (`101` is a number in a comparison
// and a name behind a dot).
#pragma once

#include "protocol/query/syntax_error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub::query {

struct Token {
  enum class Kind : std::uint8_t {
    end,
    name,          ///< letters, digits, _ $ -; `-` only inside and without a blank before it
    escaped_name,  ///< [[anything]]
    string,
    number,
    open,  ///< (
    close,
    open_bracket,  ///< [
    close_bracket,
    comma,
    dot,
    star,
    slash,
    percent,
    plus,
    minus,
    equal,
    not_equal,  ///< != or <>
    less,
    less_equal,
    greater,
    greater_equal,
  };
  Kind kind = Kind::end;
  std::size_t position = 0;  ///< of its first byte
  std::size_t bytes = 0;     ///< in the text
  std::string text;          ///< name, or a string's characters
  double number = 0;
  bool whole = false;  ///< a number of digits alone
};

/// One text, start to end.
class Lexer {
 public:
  /// REQUIRES: `text` outlives the lexer and passed check_text().
  explicit Lexer(std::string_view text) : text_(text) {}

  /// The next token of an expression or clause.
  [[nodiscard]] Parsed<Token> next();
  /// The next token where a path goes on behind its dot: digits may begin a name.
  [[nodiscard]] Parsed<Token> next_step();

 private:
  [[nodiscard]] Parsed<void> skip_blanks();
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] Parsed<Token> token();
  [[nodiscard]] Token name();
  [[nodiscard]] Parsed<Token> escaped_name();
  [[nodiscard]] Parsed<Token> string();
  [[nodiscard]] Parsed<void> escape(std::string& out);
  [[nodiscard]] Parsed<std::uint32_t> hex4(std::size_t escape_begin);
  [[nodiscard]] Parsed<Token> number();
  [[nodiscard]] Parsed<Token> punctuation();
  [[nodiscard]] Token made(Token::Kind kind, std::size_t begin) const;

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Refuses text that is too long or not UTF-8.
[[nodiscard]] Parsed<void> check_text(std::string_view text);

/// ASCII letters alone are folded: keywords and the hub's own names have no others.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace twinhub::query
