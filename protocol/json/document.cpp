#include "protocol/json/document.hpp"

#include "protocol/json/text.hpp"

#include <simdjson.h>
#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <utility>

namespace twinhub::json {
namespace {

namespace sj = simdjson;

/// Buffers that a thread keeps between parses, so that a small patch costs no allocation.
struct Scratch {
  sj::ondemand::parser parser;
  sj::dom::parser strings;  ///< for strings with escapes: a text may consist of nothing else
  std::string padded;
};
constexpr std::size_t scratch_bytes_kept = 256 * 1024;
constexpr std::size_t string_bytes_kept = 8 * 1024;
constexpr std::size_t node_bytes_typical = 12;  // of text: a short key and value

Scratch& scratch() {
  thread_local Scratch mine;
  return mine;
}

Error not_json(std::string_view why) {
  return fail(Errc::iot_hub_format_error, "The body is not valid JSON: " + std::string(why));
}

std::string_view trimmed(std::string_view token) {
  while (!token.empty() &&
         (token.back() == ' ' || token.back() == '\t' || token.back() == '\n' || token.back() == '\r')) {
    token.remove_suffix(1);
  }
  return token;
}

std::string_view without_outer_space(std::string_view text) {
  while (!text.empty() &&
         (text.front() == ' ' || text.front() == '\t' || text.front() == '\n' || text.front() == '\r')) {
    text.remove_prefix(1);
  }
  return trimmed(text);
}

/// The raw characters of a string whose first character `begin` points at (behind the quote). The text has been
/// indexed, so a closing quote exists.
std::string_view raw_string_at(const char* begin) {
  const char* end = begin;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {begin, static_cast<std::size_t>(end - begin)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// RFC 8259 section 6. nullopt: not a number; integer: neither fraction nor exponent.
std::optional<Kind> number_kind(std::string_view text) {
  std::size_t i = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - begin;
  };
  const std::size_t integer_begin = i;
  const std::size_t integer_digits = digits();
  if (integer_digits == 0 || (integer_digits > 1 && text[integer_begin] == '0')) return std::nullopt;
  Kind kind = Kind::integer;
  if (i < text.size() && text[i] == '.') {
    kind = Kind::number;
    ++i;
    if (digits() == 0) return std::nullopt;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    kind = Kind::number;
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return std::nullopt;
  }
  if (i != text.size()) return std::nullopt;
  return kind;
}

bool is_finite_double(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{}) return true;
  // Too large, or so small that it is 0.
  value = std::strtod(std::string(text).c_str(), nullptr);
  return value <= std::numeric_limits<double>::max() && value >= std::numeric_limits<double>::lowest();
}

/// simdjson turns a lone low surrogate escape into its three bytes, which are not UTF-8.
bool has_surrogate_bytes(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) == 0xED && static_cast<unsigned char>(text[i + 1]) >= 0xA0) return true;
  }
  return false;
}

}  // namespace

class Parser {
 public:
  Result<Document> run(std::string_view text);

 private:
  using Node = Document::Node;

  sj::error_code value(sj::ondemand::value element, std::size_t depth, Node node);
  sj::error_code object(sj::ondemand::object members, std::size_t depth, std::uint32_t index);
  sj::error_code array(sj::ondemand::array elements, std::size_t depth, std::uint32_t index);
  sj::error_code scalar(std::string_view token, Node node);
  sj::error_code root_value(sj::ondemand::document& source, std::string_view input);

  [[nodiscard]] sj::error_code append_canonical(std::string_view raw);
  std::uint32_t open(Node node);
  void close(std::uint32_t index);
  [[nodiscard]] bool repeats_a_key(std::uint32_t object) const;
  void copy_without_repeats(const Document& from, std::uint32_t index, Document& to) const;

  [[nodiscard]] std::uint32_t here() const { return static_cast<std::uint32_t>(document_.text_.size()); }
  [[nodiscard]] std::string_view key_of(std::uint32_t index) const {
    const Node& node = document_.nodes_[index];
    return std::string_view(document_.text_).substr(node.key_begin, node.key_bytes);
  }

  Document document_;
  bool repeated_keys_ = false;
};

std::uint32_t Parser::open(Node node) {
  node.text_begin = here();
  document_.nodes_.push_back(node);
  return static_cast<std::uint32_t>(document_.nodes_.size() - 1);
}

void Parser::close(std::uint32_t index) {
  Node& node = document_.nodes_[index];
  node.text_bytes = here() - node.text_begin;
  node.next = static_cast<std::uint32_t>(document_.nodes_.size());
}

sj::error_code Parser::append_canonical(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos) {
    document_.text_ += raw;
    return sj::SUCCESS;
  }
  // Unescape through simdjson, which checks the escapes, then escape anew in the one canonical way.
  std::string quoted = "\"" + std::string(raw) + "\"";
  const std::size_t bytes = quoted.size();
  quoted.resize(bytes + sj::SIMDJSON_PADDING);
  sj::dom::parser for_long_ones;
  sj::dom::parser& parser = bytes <= string_bytes_kept ? scratch().strings : for_long_ones;
  std::string_view plain;
  const auto error = parser.parse(quoted.data(), bytes, false).get(plain);
  if (error) return error;
  if (has_surrogate_bytes(plain)) return sj::STRING_ERROR;
  append_escaped(document_.text_, plain);
  return sj::SUCCESS;
}

sj::error_code Parser::scalar(std::string_view token, Node node) {
  token = trimmed(token);
  if (token.empty()) return sj::TAPE_ERROR;
  if (token.front() == '"') {
    node.kind = Kind::string;
    const std::string_view raw = raw_string_at(token.data() + 1);
    if (raw.size() + 2 != token.size()) return sj::TAPE_ERROR;
    const std::uint32_t index = open(node);
    document_.text_ += '"';
    if (const auto error = append_canonical(raw)) return error;
    document_.text_ += '"';
    close(index);
    return sj::SUCCESS;
  }
  if (token == "true" || token == "false") {
    node.kind = Kind::boolean;
  } else if (token == "null") {
    node.kind = Kind::null;
  } else if (const auto kind = number_kind(token)) {
    node.kind = *kind;
    if (*kind == Kind::number && !is_finite_double(token)) return sj::NUMBER_ERROR;
  } else {
    return sj::TAPE_ERROR;
  }
  const std::uint32_t index = open(node);
  document_.text_ += token;
  close(index);
  return sj::SUCCESS;
}

sj::error_code Parser::value(sj::ondemand::value element, std::size_t depth, Node node) {
  sj::ondemand::json_type type;
  if (const auto error = element.type().get(type)) return error;
  if (type == sj::ondemand::json_type::object || type == sj::ondemand::json_type::array) {
    if (depth >= depth_max) return sj::DEPTH_ERROR;
    const bool is_object = type == sj::ondemand::json_type::object;
    node.kind = is_object ? Kind::object : Kind::array;
    const std::uint32_t index = open(node);
    if (is_object) {
      sj::ondemand::object members;
      if (const auto error = element.get_object().get(members)) return error;
      return object(members, depth + 1, index);
    }
    sj::ondemand::array elements;
    if (const auto error = element.get_array().get(elements)) return error;
    return array(elements, depth + 1, index);
  }
  // Up to the next token. simdjson takes a text before a colon for a name and skips what follows as its value, so that
  // it would find no fault with {"a":"":1}}.
  const std::string_view token = element.raw_json_token();
  if (token.data()[token.size()] == ':') return sj::TAPE_ERROR;
  return scalar(token, node);
}

sj::error_code Parser::object(sj::ondemand::object members, std::size_t depth, std::uint32_t index) {
  document_.text_ += '{';
  bool first = true;
  for (auto field_or_error : members) {
    sj::ondemand::field field;
    if (const auto error = std::move(field_or_error).get(field)) return error;
    if (!first) document_.text_ += ',';
    first = false;
    document_.text_ += '"';
    Node member;
    member.key_begin = here();
    if (const auto error = append_canonical(raw_string_at(field.key().raw()))) return error;
    member.key_bytes = here() - member.key_begin;
    document_.text_ += "\":";
    if (const auto error = value(field.value(), depth, member)) return error;
  }
  document_.text_ += '}';
  close(index);
  repeated_keys_ = repeated_keys_ || repeats_a_key(index);
  return sj::SUCCESS;
}

sj::error_code Parser::array(sj::ondemand::array elements, std::size_t depth, std::uint32_t index) {
  document_.text_ += '[';
  bool first = true;
  for (auto element_or_error : elements) {
    sj::ondemand::value element;
    if (const auto error = std::move(element_or_error).get(element)) return error;
    if (!first) document_.text_ += ',';
    first = false;
    if (const auto error = value(element, depth, Node{})) return error;
  }
  document_.text_ += ']';
  close(index);
  return sj::SUCCESS;
}

bool Parser::repeats_a_key(std::uint32_t object) const {
  boost::container::small_vector<std::string_view, 16> keys;
  for (std::uint32_t child = object + 1; child < document_.nodes_[object].next; child = document_.nodes_[child].next) {
    keys.push_back(key_of(child));
  }
  if (keys.size() < 2) return false;
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

/// Appends the value at `index` of `from` to `to`, of members with one key only the last.
void Parser::copy_without_repeats(const Document& from, std::uint32_t index, Document& to) const {
  const Node& source = from.nodes_[index];
  Node node = source;
  const auto target = static_cast<std::uint32_t>(to.nodes_.size());
  const bool is_object = source.kind == Kind::object;
  if (!is_object && source.kind != Kind::array) {
    node.text_begin = static_cast<std::uint32_t>(to.text_.size());
    node.next = target + 1;
    to.text_.append(from.text_, source.text_begin, source.text_bytes);
    to.nodes_.push_back(node);
    return;
  }
  std::vector<std::uint32_t> kept;
  for (std::uint32_t child = index + 1; child < source.next; child = from.nodes_[child].next) kept.push_back(child);
  if (is_object) {
    std::vector<std::pair<std::string_view, std::uint32_t>> last;
    for (const auto child : kept) last.emplace_back(key_of(child), child);
    std::sort(last.begin(), last.end());
    std::erase_if(kept, [&](std::uint32_t child) {
      const auto after = std::upper_bound(last.begin(), last.end(), std::pair(key_of(child), child));
      return after != last.end() && after->first == key_of(child);
    });
  }
  node.text_begin = static_cast<std::uint32_t>(to.text_.size());
  to.nodes_.push_back(node);
  to.text_ += is_object ? '{' : '[';
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i > 0) to.text_ += ',';
    std::uint32_t key_begin = 0;
    if (is_object) {
      to.text_ += '"';
      key_begin = static_cast<std::uint32_t>(to.text_.size());
      to.text_ += key_of(kept[i]);
      to.text_ += "\":";
    }
    const std::size_t child = to.nodes_.size();
    copy_without_repeats(from, kept[i], to);
    to.nodes_[child].key_begin = key_begin;
  }
  to.text_ += is_object ? '}' : ']';
  to.nodes_[target].text_bytes = static_cast<std::uint32_t>(to.text_.size()) - to.nodes_[target].text_begin;
  to.nodes_[target].next = static_cast<std::uint32_t>(to.nodes_.size());
}

sj::error_code Parser::root_value(sj::ondemand::document& source, std::string_view input) {
  sj::ondemand::json_type type;
  if (const auto error = source.type().get(type)) return error;
  if (type == sj::ondemand::json_type::object) {
    sj::ondemand::object members;
    if (const auto error = source.get_object().get(members)) return error;
    Node node;
    node.kind = Kind::object;
    return object(members, 1, open(node));
  }
  if (type == sj::ondemand::json_type::array) {
    sj::ondemand::array elements;
    if (const auto error = source.get_array().get(elements)) return error;
    Node node;
    node.kind = Kind::array;
    return array(elements, 1, open(node));
  }
  std::string_view token;
  if (const auto error = source.raw_json_token().get(token)) return error;
  token = trimmed(token);
  if (token != without_outer_space(input)) return sj::TAPE_ERROR;  // something stands behind the scalar
  return scalar(token, Node{});
}

Result<Document> Parser::run(std::string_view text) {
  if (text.size() > text_bytes_max) return not_json("it is too long");
  if (text.starts_with("\xEF\xBB\xBF")) return not_json("it starts with a byte order mark");
  Scratch& mine = scratch();
  mine.padded.assign(text);
  mine.padded.resize(text.size() + sj::SIMDJSON_PADDING);
  document_.text_.reserve(text.size());
  document_.nodes_.reserve(text.size() / node_bytes_typical + 4);

  sj::ondemand::document source;
  auto error = mine.parser.iterate(mine.padded.data(), text.size(), mine.padded.size()).get(source);
  if (!error) error = root_value(source, text);
  const bool is_scalar = !document_.nodes_.empty() && document_.nodes_[0].kind > Kind::array;
  if (!error && !is_scalar && source.current_location().error() != sj::OUT_OF_BOUNDS) error = sj::TAPE_ERROR;
  if (mine.padded.capacity() > scratch_bytes_kept) {
    mine.padded = std::string();
    mine.parser = sj::ondemand::parser();
  }
  if (error) return not_json(sj::error_message(error));

  if (repeated_keys_) {
    Document unique;
    copy_without_repeats(document_, 0, unique);
    return unique;
  }
  return std::move(document_);
}

Result<Document> parse(std::string_view text) { return Parser{}.run(text); }

std::optional<std::string> Value::string() const {
  if (kind() != Kind::string) return std::nullopt;
  const std::string_view quoted = text();
  return unescape(quoted.substr(1, quoted.size() - 2));
}

std::optional<std::int64_t> Value::integer() const {
  if (kind() != Kind::integer) return std::nullopt;
  const std::string_view digits = text();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<bool> Value::boolean() const {
  if (kind() != Kind::boolean) return std::nullopt;
  return text() == "true";
}

std::optional<bool> Value::to_boolean() const {
  if (const auto number = integer()) return *number != 0;
  auto word = string();
  if (!word) return boolean();
  for (char& c : *word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  const std::string_view text = without_outer_space(*word);
  if (text != "true" && text != "false") return std::nullopt;
  return text == "true";
}

std::optional<Value> Value::find(std::string_view key) const {
  if (kind() != Kind::object) return std::nullopt;
  std::string canonical;
  append_escaped(canonical, key);
  for (const Value member : *this) {
    if (member.key_text() == canonical) return member;
  }
  return std::nullopt;
}

}  // namespace twinhub::json
