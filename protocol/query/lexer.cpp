#include "protocol/query/lexer.hpp"

#include "protocol/utf8.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace twinhub::query {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
/// Every character beyond ASCII counts as a letter.
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool continues_name(char c) { return begins_name(c) || is_digit(c) || c == '-'; }

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

Parsed<void> check_text(std::string_view text) {
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++characters) {
    const std::size_t bytes = utf8_sequence_bytes(text.substr(at));
    if (bytes == 0) return SyntaxError{at, "bytes that are not UTF-8"};
    if (characters == text_characters_max)
      return SyntaxError{at, "the text is longer than " + std::to_string(text_characters_max) + " characters"};
    at += bytes;
  }
  return {};
}

Token Lexer::made(Token::Kind kind, std::size_t begin) const {
  Token token;
  token.kind = kind;
  token.position = begin;
  token.bytes = at_ - begin;
  return token;
}

Parsed<void> Lexer::skip_blanks() {
  for (;;) {
    while (is_blank(peek())) ++at_;
    if (peek() != '/' || peek(1) != '*') return {};
    const std::size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) return SyntaxError{at_, "a comment without its end"};
    at_ = end + 2;
  }
}

Parsed<Token> Lexer::next() {
  if (const auto skipped = skip_blanks(); !skipped) return skipped.error();
  return token();
}

Parsed<Token> Lexer::next_step() {
  if (const auto skipped = skip_blanks(); !skipped) return skipped.error();
  if (is_digit(peek())) return name();
  return token();
}

Parsed<Token> Lexer::token() {
  const char c = peek();
  if (at_ >= text_.size()) return made(Token::Kind::end, at_);
  if (begins_name(c)) return name();
  if (is_digit(c)) return number();
  if (c == '\'' || c == '"') return string();
  if (c == '[' && peek(1) == '[') return escaped_name();
  return punctuation();
}

Token Lexer::name() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
  Token token = made(Token::Kind::name, begin);
  token.text = text_.substr(begin, token.bytes);
  return token;
}

Parsed<Token> Lexer::escaped_name() {
  const std::size_t begin = at_;
  const std::size_t end = text_.find("]]", begin + 2);
  if (end == std::string_view::npos) return SyntaxError{begin, "[[ without its ]]"};
  if (end == begin + 2) return SyntaxError{begin, "an empty name"};
  at_ = end + 2;
  Token token = made(Token::Kind::escaped_name, begin);
  token.text = text_.substr(begin + 2, end - begin - 2);
  return token;
}

Parsed<Token> Lexer::string() {
  const std::size_t begin = at_;
  const char quote = text_[at_++];
  std::string characters;
  for (;;) {
    if (at_ >= text_.size()) return SyntaxError{begin, "a string without its end"};
    if (text_[at_] == quote) break;
    if (text_[at_] == '\\') {
      if (const auto read = escape(characters); !read) return read.error();
    } else {
      characters += text_[at_++];
    }
  }
  ++at_;
  Token token = made(Token::Kind::string, begin);
  token.text = std::move(characters);
  return token;
}

Parsed<void> Lexer::escape(std::string& out) {
  const std::size_t begin = at_;
  const char kind = peek(1);
  at_ += 2;
  if (kind != 'u') {
    constexpr std::string_view from = "'\"\\/bfnrt";
    constexpr std::string_view to = "'\"\\/\b\f\n\r\t";
    const std::size_t which = kind == '\0' ? std::string_view::npos : from.find(kind);
    if (which == std::string_view::npos) return SyntaxError{begin, "an unknown escape"};
    out += to[which];
    return {};
  }
  auto point = hex4(begin);
  if (!point) return point.error();
  if (*point >= 0xD800 && *point < 0xDC00 && peek() == '\\' && peek(1) == 'u') {
    at_ += 2;
    const auto low = hex4(begin);
    if (!low) return low.error();
    if (*low < 0xDC00 || *low > 0xDFFF) return SyntaxError{begin, "half of a surrogate pair"};
    *point = 0x10000 + ((*point - 0xD800) << 10) + (*low - 0xDC00);
  }
  if (*point >= 0xD800 && *point < 0xE000) return SyntaxError{begin, "half of a surrogate pair"};
  append_utf8(out, *point);
  return {};
}

Parsed<std::uint32_t> Lexer::hex4(std::size_t escape_begin) {
  std::uint32_t value = 0;
  const std::string_view digits = text_.substr(std::min(at_, text_.size()), 4);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 4 || error != std::errc{} || end != digits.data() + 4)
    return SyntaxError{escape_begin, "\\u without four hexadecimal digits"};
  at_ += 4;
  return value;
}

Parsed<Token> Lexer::number() {
  const std::size_t begin = at_;
  double value = 0;
  bool whole = false;
  if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
    at_ += 2;
    while (std::isxdigit(static_cast<unsigned char>(peek())) != 0) ++at_;
    const std::string_view digits = text_.substr(begin + 2, at_ - begin - 2);
    if (digits.empty() || digits.size() > 16)
      return SyntaxError{begin, "a hexadecimal number of 1 to 16 digits is needed"};
    std::uint64_t bits = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    value = static_cast<double>(bits);
  } else {
    const auto digits = [&] {
      const std::size_t first = at_;
      while (is_digit(peek())) ++at_;
      return at_ > first;
    };
    digits();
    whole = true;
    if (peek() == '.' && is_digit(peek(1))) {
      whole = false;
      ++at_;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return SyntaxError{begin, "a number without its exponent"};
    }
    value = std::strtod(std::string(text_.substr(begin, at_ - begin)).c_str(), nullptr);
    if (!std::isfinite(value)) return SyntaxError{begin, "a number beyond a double"};
  }
  if (continues_name(peek()) && peek() != '-') return SyntaxError{at_, "a number that runs into a name"};
  Token token = made(Token::Kind::number, begin);
  token.number = value;
  token.whole = whole;
  return token;
}

Parsed<Token> Lexer::punctuation() {
  using Kind = Token::Kind;
  const std::size_t begin = at_;
  const char c = text_[at_++];
  const auto pair = [&](char second) {
    if (peek() != second) return false;
    ++at_;
    return true;
  };
  constexpr std::string_view singles = "()[],.*/%+-=";
  constexpr Kind kinds[] = {Kind::open, Kind::close, Kind::open_bracket, Kind::close_bracket, Kind::comma, Kind::dot,
                            Kind::star, Kind::slash, Kind::percent,      Kind::plus,          Kind::minus, Kind::equal};
  if (const std::size_t which = singles.find(c); which != std::string_view::npos) return made(kinds[which], begin);
  if (c == '!' && pair('=')) return made(Kind::not_equal, begin);
  if (c == '<') {
    if (pair('>')) return made(Kind::not_equal, begin);
    return made(pair('=') ? Kind::less_equal : Kind::less, begin);
  }
  if (c == '>') return made(pair('=') ? Kind::greater_equal : Kind::greater, begin);
  return SyntaxError{begin, "an unexpected character"};
}

}  // namespace twinhub::query
