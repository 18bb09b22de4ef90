// Random conditions over random documents: the evaluator and the naive reference must agree, value for value.
#include "protocol/json/document.hpp"
#include "protocol/query/evaluate.hpp"
#include "protocol/query/parse.hpp"
#include "tests/unit/protocol/query/reference.hpp"

#include <gtest/gtest.h>

namespace twinhub::query {
namespace {

namespace ref = testing::reference;

std::string told(const ref::Value& value) {
  if (value.type == ref::Value::Type::undefined) return "undefined";
  const auto document = json::parse(ref::json_of(value));
  return document ? document->text() : "no JSON";
}

std::string told(const Value& value) {
  if (value.is_undefined()) return "undefined";
  // Numbers as the reference writes them.
  ref::Value number;
  number.type = ref::Value::Type::number;
  number.number = value.number;
  if (value.type == Type::number) return told(number);
  std::string text;
  append_json(text, value);
  return text;
}

TEST(QueryProperties, TheEvaluatorAgreesWithANaiveReference) {
  constexpr std::uint32_t documents = 400;
  constexpr int conditions = 50;
  int selected = 0;
  int undefined = 0;
  for (std::uint32_t seed = 0; seed < documents; ++seed) {
    ref::Generator generator(seed);
    const ref::Value document = generator.document();
    const auto parsed = json::parse(ref::json_of(document));
    ASSERT_TRUE(parsed) << ref::json_of(document);
    DocumentRow row(parsed->text());
    for (int i = 0; i < conditions; ++i) {
      const auto wanted = generator.condition(3);
      const auto condition = parse_job_condition(wanted->text);
      ASSERT_TRUE(condition) << "seed " << seed << ": " << wanted->text << "\n"
                             << condition.error().what << " at " << condition.error().position;
      Scratch scratch;
      const Value value = evaluate(*condition->where, row, scratch);
      const ref::Value expected = ref::evaluate(*wanted, document);
      ASSERT_EQ(told(value), told(expected)) << "seed " << seed << ": " << wanted->text << "\n" << parsed->text();
      if (value.is_true()) ++selected;
      if (value.is_undefined()) ++undefined;
    }
  }
  // The dice are of use only if they show every side.
  EXPECT_GT(selected, 500);
  EXPECT_GT(undefined, 1000);
}

}  // namespace
}  // namespace twinhub::query
