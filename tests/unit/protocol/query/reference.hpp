// The query language once more, as naively as its rules can be written down: a tree of values, evaluated by the book.
// It shares nothing with the real thing but the text that both are given.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace twinhub::query::testing::reference {

struct Value {
  enum class Type : std::uint8_t { undefined, null, boolean, number, string, array, object } type = Type::undefined;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<Value> elements;
  std::map<std::string, Value> members;
};

/// JSON text with white space and escapes here and there.
[[nodiscard]] std::string json_of(const Value& value);

/// A random expression: what it says as query text, and what it is worth on a document.
struct Expression {
  std::string text;
  std::vector<std::shared_ptr<const Expression>> operands;
  std::string kind;  ///< "literal", "path", "and", "or", "not", "=", ..., "in", "+", ..., a function's name
  Value literal;
  std::vector<Value> list;
  std::vector<std::string> path;  ///< keys; "#2" is an index
};

[[nodiscard]] Value evaluate(const Expression& expression, const Value& document);

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : engine_(seed) {}
  /// A document whose root has the member `tags`, an object.
  [[nodiscard]] Value document();
  [[nodiscard]] std::shared_ptr<const Expression> condition(int depth);

 private:
  using Node = std::shared_ptr<const Expression>;
  [[nodiscard]] std::size_t pick(std::size_t count) { return engine_() % count; }
  [[nodiscard]] Value value(int depth);
  [[nodiscard]] Value scalar();
  [[nodiscard]] Node operand(int depth);
  [[nodiscard]] Node literal();
  [[nodiscard]] Node path();
  [[nodiscard]] Node call(int depth);
  [[nodiscard]] std::string blank();
  [[nodiscard]] std::string in_case(std::string word);

  std::mt19937 engine_;
};

}  // namespace twinhub::query::testing::reference
