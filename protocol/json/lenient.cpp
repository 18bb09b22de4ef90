#include "protocol/json/lenient.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "protocol/utf8.hpp"

#include <locale.h>
#include <wctype.h>
#include <array>
#include <bitset>
#include <charconv>
#include <cstdint>

namespace twinhub::json {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::uint32_t replacement = 0xFFFD;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// .NET's char.IsLetterOrDigit, which sees halves of what lies beyond the first 65,536 code points.
bool is_letter_or_digit(std::uint32_t point) {
  static const ::locale_t unicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return point <= 0xFFFF && unicode != nullptr && ::iswalnum_l(static_cast<::wint_t>(point), unicode) != 0;
}

/// Of a name without quotes. 0: none here; else its bytes. REQUIRES: well-formed UTF-8.
std::size_t name_character_bytes(std::string_view text) {
  const char c = text.front();
  if (static_cast<unsigned char>(c) < 0x80) return is_letter(c) || is_digit(c) || c == '_' || c == '$' ? 1 : 0;
  const std::size_t bytes = utf8_sequence_bytes(text);
  return is_letter_or_digit(utf8_code_point(text.substr(0, bytes))) ? bytes : 0;
}

/// Whatever a number of any base may consist of.
bool is_number_character(char c) {
  const char folded = static_cast<char>(c | 0x20);
  return is_digit(c) || c == '-' || c == '+' || c == '.' || (folded >= 'a' && folded <= 'f') || folded == 'x';
}

/// .NET's char.IsWhiteSpace, and NUL, which the reader skips as well. 0: none here; else its bytes.
std::size_t white_space_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first == ' ' || first == '\0' || (first >= 0x09 && first <= 0x0D)) return 1;
  if (first < 0xC2) return 0;
  for (const std::string_view space :
       {"\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007",
        "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"}) {
    if (text.starts_with(space)) return space.size();
  }
  return 0;
}

std::optional<std::uint32_t> hex_quad(std::string_view text) {
  std::uint32_t value = 0;
  if (text.size() < 4) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 4, value, 16);
  if (error != std::errc{} || end != text.data() + 4) return std::nullopt;
  return value;
}

bool is_high_surrogate(std::uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low_surrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// .NET's Convert.ToInt64: 64 bits in two's complement.
std::optional<std::string> based_integer(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return std::to_string(static_cast<std::int64_t>(value));
}

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

/// A number of base ten, with the digits that strict JSON wants on both sides of the point and no zeros in front.
std::optional<std::string> decimal(std::string_view text) {
  std::string out;
  if (text.starts_with('-')) {
    out += '-';
    text.remove_prefix(1);
  }
  std::string_view whole = take_digits(text);
  const bool has_whole = !whole.empty();
  while (whole.size() > 1 && whole.front() == '0') whole.remove_prefix(1);
  out += has_whole ? whole : "0";
  bool has_fraction = false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::string_view fraction = take_digits(text);
    has_fraction = !fraction.empty();
    out += '.';
    out += has_fraction ? fraction : "0";
  }
  if (!has_whole && !has_fraction) return std::nullopt;
  if (text.starts_with('e') || text.starts_with('E')) {
    out += text.front();
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) {
      out += text.front();
      text.remove_prefix(1);
    }
    const std::string_view exponent = take_digits(text);
    if (exponent.empty()) return std::nullopt;
    out += exponent;
  }
  if (!text.empty()) return std::nullopt;
  return out;
}

std::optional<std::string> strict_number(std::string_view text) {
  const bool other_base = text.size() > 1 && text[0] == '0' && text[1] != '.' && text[1] != 'e' && text[1] != 'E';
  if (!other_base) return decimal(text);
  if (text[1] == 'x' || text[1] == 'X') return based_integer(text.substr(2), 16);
  return based_integer(text.substr(1), 8);
}

/// One pass over a lenient text that writes its strict form. Nesting costs a bit each.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<std::string> run() {
    if (!skip_space_and_comments() || !value()) return std::nullopt;
    while (depth_ > 0) {
      if (!skip_space_and_comments() || !step()) return std::nullopt;
    }
    if (!skip_space_and_comments() || !rest_.empty()) return std::nullopt;
    return std::move(out_);
  }

 private:
  /// What the innermost object or array may go on with.
  enum class Next : std::uint8_t { first, separator, other };

  /// REQUIRES: inside an object or array.
  bool step() {
    if (rest_.empty()) return false;
    if (rest_.front() == (is_object_[depth_] ? '}' : ']')) return close();
    if (next_ == Next::separator) {
      if (rest_.front() != ',') return false;
      rest_.remove_prefix(1);
      next_ = Next::other;  // the end may follow as well
      return true;
    }
    if (next_ == Next::other) out_ += ',';
    if (is_object_[depth_] && !name()) return false;
    return skip_space_and_comments() && value();
  }

  bool open(bool object) {
    if (depth_ == depth_max) return false;
    is_object_[++depth_] = object;
    out_ += rest_.front();
    rest_.remove_prefix(1);
    next_ = Next::first;
    return true;
  }

  bool close() {
    out_ += rest_.front();
    rest_.remove_prefix(1);
    --depth_;
    next_ = Next::separator;
    return true;
  }

  bool value() {
    if (rest_.empty()) return false;
    const char first = rest_.front();
    if (first == '{' || first == '[') return open(first == '{');
    next_ = Next::separator;
    if (first == '"' || first == '\'') return string();
    if (is_letter(first)) return literal();
    if (is_digit(first) || first == '-' || first == '.') return number();
    return false;
  }

  bool literal() {
    for (const std::string_view word : {"true", "false", "null"}) {
      if (!rest_.starts_with(word)) continue;
      out_ += word;
      rest_.remove_prefix(word.size());
      return at_end_of_token();
    }
    return false;
  }

  bool number() {
    std::size_t size = 0;
    while (size < rest_.size() && is_number_character(rest_[size])) ++size;
    const auto strict = strict_number(rest_.substr(0, size));
    if (!strict) return false;
    out_ += *strict;
    rest_.remove_prefix(size);
    return at_end_of_token();
  }

  /// Words and numbers end where something else can begin.
  [[nodiscard]] bool at_end_of_token() const {
    if (rest_.empty() || white_space_bytes(rest_) > 0) return true;
    const char c = rest_.front();
    return c == ',' || c == '}' || c == ']' || c == '/';
  }

  bool name() {
    if (rest_.front() == '"' || rest_.front() == '\'') {
      if (!string()) return false;
    } else if (!bare_name()) {
      return false;
    }
    skip_space();  // and no comments: the reader has none here
    if (!rest_.starts_with(':')) return false;
    out_ += ':';
    rest_.remove_prefix(1);
    return true;
  }

  bool bare_name() {
    std::size_t size = 0;
    while (size < rest_.size()) {
      const std::size_t bytes = name_character_bytes(rest_.substr(size));
      if (bytes == 0) break;
      size += bytes;
    }
    if (size == 0) return false;
    append_string(out_, rest_.substr(0, size));
    rest_.remove_prefix(size);
    return true;
  }

  /// REQUIRES: a quote of either kind comes next.
  bool string() {
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    out_ += '"';
    for (;;) {
      const std::array<char, 2> ends{quote, '\\'};
      const std::size_t plain = rest_.find_first_of({ends.data(), ends.size()});
      if (plain == std::string_view::npos) return false;
      append_escaped(out_, rest_.substr(0, plain));
      rest_.remove_prefix(plain + 1);
      if (rest_.data()[-1] == quote) break;
      if (!escape()) return false;
    }
    out_ += '"';
    return true;
  }

  /// Behind the backslash.
  bool escape() {
    constexpr std::string_view letters = "btnfr", values = "\b\t\n\f\r";
    if (rest_.empty()) return false;
    const char kind = rest_.front();
    rest_.remove_prefix(1);
    if (kind == 'u') return unicode_escape();
    const std::size_t letter = letters.find(kind);
    if (letter != std::string_view::npos) {
      append_escaped(out_, values.substr(letter, 1));
      return true;
    }
    if (kind != '\\' && kind != '"' && kind != '\'' && kind != '/') return false;
    append_escaped(out_, {&kind, 1});
    return true;
  }

  bool unicode_escape() {
    const auto first = hex_quad(rest_);
    if (!first) return false;
    rest_.remove_prefix(4);
    std::uint32_t point = *first;
    if (is_low_surrogate(point)) point = replacement;
    if (is_high_surrogate(point)) {
      // Without its other half it is replaced; what follows is read on its own.
      const auto second = rest_.starts_with("\\u") ? hex_quad(rest_.substr(2)) : std::nullopt;
      if (second && is_low_surrogate(*second)) {
        point = 0x10000 + ((point - 0xD800) << 10) + (*second - 0xDC00);
        rest_.remove_prefix(6);
      } else {
        point = replacement;
      }
    }
    std::string character;
    append_utf8(character, point);
    append_escaped(out_, character);
    return true;
  }

  void skip_space() {
    while (!rest_.empty()) {
      const std::size_t bytes = white_space_bytes(rest_);
      if (bytes == 0) return;
      rest_.remove_prefix(bytes);
    }
  }

  /// False: a comment that is none, or has no end.
  bool skip_space_and_comments() {
    for (skip_space(); rest_.starts_with('/'); skip_space()) {
      const bool to_line_end = rest_.starts_with("//");
      if (!to_line_end && !rest_.starts_with("/*")) return false;
      rest_.remove_prefix(2);
      const std::size_t end = to_line_end ? rest_.find_first_of("\r\n") : rest_.find("*/");
      if (end == std::string_view::npos && !to_line_end) return false;
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + (to_line_end ? 0 : 2));
    }
    return true;
  }

  std::string_view rest_;
  std::string out_;
  std::bitset<depth_max + 1> is_object_;
  std::size_t depth_ = 0;
  Next next_ = Next::separator;
};

/// Which bytes a strict text has outside of its strings.
enum class Class : std::uint8_t { foreign, space, quote, open, close, comma, colon, word, number };

constexpr std::array<Class, 256> classes = [] {
  std::array<Class, 256> all{};
  all[' '] = all['\t'] = all['\n'] = all['\r'] = Class::space;
  for (unsigned char c = 'a'; c <= 'z'; ++c) all[c] = Class::word;
  for (unsigned char c = '0'; c <= '9'; ++c) all[c] = Class::number;
  all['-'] = Class::number;
  all['"'] = Class::quote;
  all['{'] = all['['] = Class::open;
  all['}'] = all[']'] = Class::close;
  all[','] = Class::comma;
  all[':'] = Class::colon;
  return all;
}();

/// Behind the string that begins behind its quote at `at`; npos: it is not closed, or holds what a strict one cannot.
std::size_t end_of_strict_string(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '"') return at + 1;
    if (c < 0x20) return std::string_view::npos;
    if (c != '\\') {
      ++at;
      continue;
    }
    if (at + 1 == text.size()) return std::string_view::npos;
    if (text[at + 1] == '\'') return std::string_view::npos;
    // Half a surrogate pair may follow: rare enough to look at it closely.
    if (text[at + 1] == 'u' && at + 2 < text.size() && (text[at + 2] | 0x20) == 'd') return std::string_view::npos;
    at += 2;
  }
  return std::string_view::npos;
}

/// RFC 8259, section 6. Without a copy: nearly every body comes through here.
bool is_strict_number(std::string_view token) {
  if (token.starts_with('-')) token.remove_prefix(1);
  const std::string_view whole = take_digits(token);
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return false;
  if (token.starts_with('.')) {
    token.remove_prefix(1);
    if (take_digits(token).empty()) return false;
  }
  if (token.starts_with('e') || token.starts_with('E')) {
    token.remove_prefix(1);
    if (token.starts_with('+') || token.starts_with('-')) token.remove_prefix(1);
    if (take_digits(token).empty()) return false;
  }
  return token.empty();
}

}  // namespace

bool reads_as_strict(std::string_view text) {
  Class before = Class::open;
  for (std::size_t at = 0; at < text.size();) {
    const Class here = classes[static_cast<unsigned char>(text[at])];
    if (here == Class::space) {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    switch (here) {
      case Class::foreign:
        return false;
      case Class::quote:
        end = end_of_strict_string(text, at + 1);
        if (end == std::string_view::npos) return false;
        break;
      case Class::close:
        if (before == Class::comma) return false;
        break;
      case Class::colon:
        if (before != Class::quote) return false;
        break;
      case Class::word: {
        while (end < text.size() && classes[static_cast<unsigned char>(text[end])] == Class::word) ++end;
        const std::string_view word = text.substr(at, end - at);
        if (word != "true" && word != "false" && word != "null") return false;
        break;
      }
      case Class::number:
        while (end < text.size() && is_number_character(text[end])) ++end;
        if (!is_strict_number(text.substr(at, end - at))) return false;
        break;
      default:
        break;
    }
    before = here;
    at = end;
  }
  return true;
}

std::optional<std::string> strict_text_of(std::string_view lenient) {
  if (lenient.size() > text_bytes_max || !is_utf8(lenient)) return std::nullopt;
  if (lenient.starts_with(byte_order_mark)) lenient.remove_prefix(byte_order_mark.size());
  return Reader(lenient).run();
}

void make_strict(std::string& body) {
  if (reads_as_strict(body)) return;
  if (auto strict = strict_text_of(body)) body = std::move(*strict);
}

}  // namespace twinhub::json
