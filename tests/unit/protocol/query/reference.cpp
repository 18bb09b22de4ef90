#include "tests/unit/protocol/query/reference.hpp"

#include <cctype>
#include <cmath>
#include <cstdio>

namespace twinhub::query::testing::reference {
namespace {

using Type = Value::Type;

Value boolean(bool b) {
  Value v;
  v.type = Type::boolean;
  v.boolean = b;
  return v;
}
Value number(double n) {
  Value v;
  if (!std::isfinite(n)) return v;
  v.type = Type::number;
  v.number = n;
  return v;
}
Value string(std::string text) {
  Value v;
  v.type = Type::string;
  v.text = std::move(text);
  return v;
}

/// -1, 0, 1; nullopt: not comparable.
std::optional<int> compare(const Value& a, const Value& b) {
  if (a.type != b.type) return std::nullopt;
  if (a.type == Type::null) return 0;
  if (a.type == Type::boolean) return int{a.boolean} - int{b.boolean};
  if (a.type == Type::number) return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
  if (a.type == Type::string) return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
  return std::nullopt;
}

Value compare_by(const std::string& op, const Value& a, const Value& b) {
  const auto order = compare(a, b);
  if (!order) return {};
  if (op == "=") return boolean(*order == 0);
  if (op == "!=") return boolean(*order != 0);
  if (a.type == Type::null) return {};
  if (op == "<") return boolean(*order < 0);
  if (op == "<=") return boolean(*order <= 0);
  if (op == ">") return boolean(*order > 0);
  return boolean(*order >= 0);
}

Value follow(const std::vector<std::string>& path, const Value& document) {
  Value at = document;
  for (const std::string& step : path) {
    if (step.front() == '#') {
      const std::size_t index = std::stoul(step.substr(1));
      if (at.type != Type::array || index >= at.elements.size()) return {};
      at = Value(at.elements[index]);
    } else {
      if (at.type != Type::object || at.members.count(step) == 0) return {};
      at = Value(at.members.at(step));
    }
  }
  return at;
}

Value calculate(const std::string& op, const Value& a, const Value& b) {
  if (a.type != Type::number || b.type != Type::number) return {};
  if (op == "+") return number(a.number + b.number);
  if (op == "-") return number(a.number - b.number);
  if (op == "*") return number(a.number * b.number);
  if (op == "/") return number(a.number / b.number);
  return number(std::fmod(a.number, b.number));
}

Value call(const std::string& name, const std::vector<Value>& a) {
  if (name == "IS_DEFINED") return boolean(a[0].type != Type::undefined);
  if (name == "IS_STRING") return boolean(a[0].type == Type::string);
  if (name == "IS_NUMBER") return boolean(a[0].type == Type::number);
  if (name == "IS_OBJECT") return boolean(a[0].type == Type::object);
  if (name == "ABS") return a[0].type == Type::number ? number(std::fabs(a[0].number)) : Value{};
  if (name == "FLOOR") return a[0].type == Type::number ? number(std::floor(a[0].number)) : Value{};
  const bool strings = a[0].type == Type::string && (a.size() < 2 || a[1].type == Type::string);
  if (!strings) return {};
  if (name == "LENGTH") return number(static_cast<double>(a[0].text.size()));
  if (name == "UPPER") {
    std::string text = a[0].text;
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return string(text);
  }
  if (name == "STARTSWITH") return boolean(a[0].text.rfind(a[1].text, 0) == 0);
  if (name == "ENDSWITH") {
    return boolean(a[0].text.size() >= a[1].text.size() &&
                   a[0].text.substr(a[0].text.size() - a[1].text.size()) == a[1].text);
  }
  if (name == "CONTAINS") return boolean(a[0].text.find(a[1].text) != std::string::npos);
  return string(a[0].text + a[1].text);  // CONCAT
}

/// By the truth tables: `decisive` is what one operand alone can decide.
Value decide(const std::vector<Value>& operands, bool decisive) {
  bool unknown = false;
  for (const Value& operand : operands) {
    if (operand.type != Type::boolean) unknown = true;
  }
  for (const Value& operand : operands) {
    if (operand.type == Type::boolean && operand.boolean == decisive) return boolean(decisive);
  }
  return unknown ? Value{} : boolean(!decisive);
}

std::string number_text(double n) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", n);
  return text;
}

std::string quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') out += '\\';
    out += c;
  }
  return out + quote;
}

std::string literal_text(const Value& value, char quote) {
  switch (value.type) {
    case Type::undefined:
      return "undefined";
    case Type::null:
      return "null";
    case Type::boolean:
      return value.boolean ? "true" : "false";
    case Type::number:
      return number_text(value.number);
    default:
      return quoted(value.text, quote);
  }
}

}  // namespace

std::string json_of(const Value& value) {
  std::string out;
  switch (value.type) {
    case Type::array:
      for (const Value& element : value.elements) out += (out.empty() ? "" : ", ") + json_of(element);
      return "[" + out + " ]";
    case Type::object:
      for (const auto& [key, member] : value.members)
        out += (out.empty() ? "" : ",") + quoted(key, '"') + " : " + json_of(member);
      return "{" + out + "}";
    default:
      return literal_text(value, '"');
  }
}

Value evaluate(const Expression& e, const Value& document) {
  if (e.kind == "literal") return e.literal;
  if (e.kind == "path") return follow(e.path, document);
  std::vector<Value> operands;
  for (const auto& operand : e.operands) operands.push_back(evaluate(*operand, document));
  if (e.kind == "and") return decide(operands, false);
  if (e.kind == "or") return decide(operands, true);
  if (e.kind == "not") return operands[0].type == Type::boolean ? boolean(!operands[0].boolean) : Value{};
  if (e.kind == "in" || e.kind == "not in") {
    if (operands[0].type == Type::undefined || operands[0].type >= Type::array) return {};
    bool found = false;
    for (const Value& element : e.list) found = found || compare(operands[0], element) == 0;
    return boolean(found == (e.kind == "in"));
  }
  if (std::string("=!=<=>=").find(e.kind) != std::string::npos) return compare_by(e.kind, operands[0], operands[1]);
  if (std::string("+-*/%").find(e.kind) != std::string::npos) return calculate(e.kind, operands[0], operands[1]);
  return call(e.kind, operands);
}

Value Generator::scalar() {
  constexpr double numbers[] = {0, 1, 2, -1, 1.5, 30, 1e3};
  constexpr const char* texts[] = {"", "a", "ab", "b", "B", "it's", "a\\b", "1", "é"};
  switch (pick(5)) {
    case 0:
      return boolean(pick(2) == 0);
    case 1:
    case 2:
      return number(numbers[pick(std::size(numbers))]);
    default:
      return string(texts[pick(std::size(texts))]);
  }
}

Value Generator::value(int depth) {
  constexpr const char* keys[] = {"a", "b", "c", "a-b", "group", "1", "A", "ü"};
  Value made;
  switch (depth > 0 ? pick(4) : 3) {
    case 0:
      made.type = Type::array;
      for (std::size_t i = pick(4); i > 0; --i) made.elements.push_back(value(depth - 1));
      return made;
    case 1:
    case 2:
      made.type = Type::object;
      for (std::size_t i = pick(5); i > 0; --i) made.members[keys[pick(std::size(keys))]] = value(depth - 1);
      return made;
    default:
      if (pick(12) == 0) {
        made.type = Type::null;
        return made;
      }
      return scalar();
  }
}

Value Generator::document() {
  Value root;
  root.type = Type::object;
  Value& tags = root.members["tags"];
  tags.type = Type::object;
  for (const char* key : {"a", "b", "c", "a-b", "group", "1"}) {
    if (pick(4) > 0) tags.members[key] = value(3);
  }
  return root;
}

std::string Generator::blank() {
  constexpr const char* blanks[] = {" ", " ", "\n", "\t ", " /* x */ "};
  return blanks[pick(std::size(blanks))];
}

std::string Generator::in_case(std::string word) {
  for (char& c : word) {
    if (pick(2) == 0) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return word;
}

Generator::Node Generator::literal() {
  Expression e;
  e.kind = "literal";
  e.literal = pick(15) == 0 ? Value{} : scalar();
  if (pick(15) == 0) e.literal.type = Type::null;
  const bool negative = e.literal.type == Type::number && std::signbit(e.literal.number);
  e.text = literal_text(e.literal, pick(2) == 0 ? '\'' : '"');
  if (negative) e.text = "(" + e.text + ")";
  return std::make_shared<const Expression>(std::move(e));
}

Generator::Node Generator::path() {
  constexpr const char* keys[] = {"a", "b", "c", "a-b", "group", "1", "A", "missing", "ü"};
  Expression e;
  e.kind = "path";
  e.path = {"tags"};
  e.text = pick(4) == 0 ? "devices.tags" : "tags";
  for (std::size_t i = 1 + pick(3); i > 0; --i) {
    if (i == 1 && pick(5) == 0) {
      e.path.push_back("#" + std::to_string(pick(3)));
      e.text += "[" + e.path.back().substr(1) + "]";
      continue;
    }
    const std::string key = keys[pick(std::size(keys))];
    e.path.push_back(key);
    const bool escape = key == "group" || pick(4) == 0;
    e.text += pick(5) == 0 ? "['" + key + "']" : escape ? ".[[" + key + "]]" : "." + key;
  }
  return std::make_shared<const Expression>(std::move(e));
}

Generator::Node Generator::call(int depth) {
  constexpr const char* one[] = {"IS_DEFINED", "IS_STRING", "IS_NUMBER", "IS_OBJECT", "ABS", "FLOOR", "UPPER"};
  constexpr const char* two[] = {"STARTSWITH", "ENDSWITH", "CONTAINS", "CONCAT"};
  Expression e;
  const bool single = pick(2) == 0;
  e.kind = single ? one[pick(std::size(one))] : two[pick(std::size(two))];
  e.operands.push_back(operand(depth - 1));
  e.text = in_case(e.kind) + "(" + e.operands[0]->text;
  if (!single) {
    e.operands.push_back(operand(depth - 1));
    e.text += "," + blank() + e.operands[1]->text;
  }
  e.text += ")";
  return std::make_shared<const Expression>(std::move(e));
}

Generator::Node Generator::operand(int depth) {
  if (depth <= 0) return pick(3) == 0 ? literal() : path();
  switch (pick(8)) {
    case 0:
      return literal();
    case 1:
      return call(depth);
    case 2: {
      constexpr const char* ops[] = {"+", "-", "*", "/", "%"};
      Expression e;
      e.kind = ops[pick(std::size(ops))];
      e.operands = {operand(depth - 1), operand(depth - 1)};
      e.text = "(" + e.operands[0]->text + blank() + e.kind + blank() + e.operands[1]->text + ")";
      return std::make_shared<const Expression>(std::move(e));
    }
    default:
      return path();
  }
}

/// Parentheses stand only where the real grammar needs them, so that precedence is put to the test: an AND takes
/// comparisons and NOTs bare, an OR takes ANDs bare.
Generator::Node Generator::condition(int depth) {
  Expression e;
  switch (depth > 0 ? pick(7) : 5) {
    case 0:
    case 1: {
      e.kind = pick(2) == 0 ? "and" : "or";
      for (std::size_t i = 2 + pick(2); i > 0; --i) {
        e.operands.push_back(condition(depth - 1));
        const Expression& part = *e.operands.back();
        const bool bare = part.kind != "or" && (e.kind == "or" || part.kind != "and");
        e.text += (e.text.empty() ? "" : blank() + in_case(e.kind == "and" ? "AND" : "OR") + blank()) +
                  (bare ? part.text : "(" + part.text + ")");
      }
      break;
    }
    case 2: {
      e.kind = "not";
      e.operands = {condition(depth - 1)};
      const bool bare = e.operands[0]->kind != "and" && e.operands[0]->kind != "or";
      e.text = in_case("NOT") + blank() + (bare ? e.operands[0]->text : "(" + e.operands[0]->text + ")");
      break;
    }
    case 3: {
      const bool negated = pick(2) == 0;
      e.kind = negated ? "not in" : "in";
      e.operands = {operand(1)};
      std::string list;
      for (std::size_t i = pick(4); i > 0; --i) {
        e.list.push_back(scalar());
        list += (list.empty() ? "" : ", ") + literal_text(e.list.back(), '\'');
      }
      constexpr const char* negations[] = {"NIN", "NOT IN"};
      e.text =
          e.operands[0]->text + blank() + in_case(negated ? negations[pick(2)] : "IN") + blank() + "[" + list + "]";
      break;
    }
    case 4:
      return pick(2) == 0 ? operand(1) : call(2);
    default: {
      constexpr const char* ops[] = {"=", "!=", "<", "<=", ">", ">="};
      e.kind = ops[pick(std::size(ops))];
      e.operands = {operand(2), operand(2)};
      const std::string op = e.kind == "!=" && pick(2) == 0 ? "<>" : e.kind;
      e.text = e.operands[0]->text + blank() + op + blank() + e.operands[1]->text;
    }
  }
  return std::make_shared<const Expression>(std::move(e));
}

}  // namespace twinhub::query::testing::reference
