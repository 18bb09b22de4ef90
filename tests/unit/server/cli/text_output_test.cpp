#include "server/cli/text_output.hpp"

#include "tests/unit/server/cli/printed.hpp"

#include <gtest/gtest.h>

namespace twinhub::cli {
namespace {

TEST(CliTable, TheFirstRowsDecideTheWidthsOfAllPages) {
  const auto out = printed([] {
    Table table({"ID", "STATUS", "NOTE"});
    table.add({"a", "enabled", ""});
    table.add({"longer-id", "x", "last"});
    table.flush();
    table.add({"much-longer-than-that", "y", "z"});
    table.flush();
  });
  EXPECT_EQ(out,
            "ID         STATUS   NOTE\n"
            "a          enabled\n"
            "longer-id  x        last\n"
            "much-longer-than-that  y        z\n");
}

TEST(CliTable, CharactersAreCountedNotBytes) {
  const auto out = printed([] {
    Table table({"ID", "X"});
    table.add({"Gl\xC3\xBChw\xC3\xBCrmchen", "1"});
    table.add({"abcdefghijkl", "2"});
    table.flush();
  });
  EXPECT_EQ(out, "ID            X\nGl\xC3\xBChw\xC3\xBCrmchen  1\nabcdefghijkl  2\n");
}

TEST(CliTable, NothingIsPrintedWithoutRows) {
  EXPECT_EQ(printed([] { Table({"ID"}).flush(); }), "");
}

TEST(CliJsonArray, IsOneArrayHoweverManyElements) {
  const auto of = [](std::vector<std::string> elements) {
    return printed([&] {
      JsonArray array;
      for (const std::string& element : elements) array.add(element);
      array.finish();
    });
  };
  EXPECT_EQ(of({}), "[]\n");
  EXPECT_EQ(of({"1"}), "[\n1\n]\n");
  EXPECT_EQ(of({"1", R"({"a":2})"}), "[\n1,\n{\"a\":2}\n]\n");
}

TEST(CliText, PrettyIndentsMembersAndKeepsNumbersAsTheyAreWritten) {
  struct Case {
    const char* text;
    const char* pretty;
  };
  for (const auto& [text, expected] : {
           Case{"1.50", "1.50"},
           Case{R"("a\"b")", R"("a\"b")"},
           Case{"{}", "{}"},
           Case{"[]", "[]"},
           Case{R"({"a":1,"b":[true,null]})", "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ]\n}"},
           Case{R"({"a":{"b":{}},"c":[]})", "{\n  \"a\": {\n    \"b\": {}\n  },\n  \"c\": []\n}"},
       }) {
    EXPECT_EQ(pretty(Json(text).root()), expected) << text;
  }
}

TEST(CliText, ACellHoldsTextsWithoutQuotesAndAnythingElseAsJson) {
  const Json row(R"({"text":"a \"b\"","number":5,"flag":false,"nothing":null,"object":{"x":1}})");
  EXPECT_EQ(cell_of(row.root().find("text")), "a \"b\"");
  EXPECT_EQ(cell_of(row.root().find("number")), "5");
  EXPECT_EQ(cell_of(row.root().find("flag")), "false");
  EXPECT_EQ(cell_of(row.root().find("nothing")), "");
  EXPECT_EQ(cell_of(row.root().find("object")), R"({"x":1})");
  EXPECT_EQ(cell_of(row.root().find("absent")), "");
  EXPECT_EQ(text_at(row.root(), "text"), "a \"b\"");
  EXPECT_EQ(text_at(row.root(), "number"), "");
  EXPECT_EQ(text_at(row.root(), "absent"), "");
}

TEST(CliText, AValueIsFoundAtTheEndOfItsPathOnly) {
  const Json twin(R"({"properties":{"desired":{"$version":7}}})");
  EXPECT_EQ(cell_of(value_at(twin.root(), {"properties", "desired", "$version"})), "7");
  EXPECT_EQ(cell_of(value_at(twin.root(), {})), twin.root().text());
  EXPECT_FALSE(value_at(twin.root(), {"properties", "reported", "$version"}));
  EXPECT_FALSE(value_at(twin.root(), {"properties", "desired", "$version", "deeper"}));
}

TEST(CliText, TimesAreShownToTheSecondAndTheNullDateAsNever) {
  EXPECT_EQ(time_cell("2026-11-23T05:40:00.1234567Z"), "2026-11-23 05:40:00");
  EXPECT_EQ(time_cell("2026-11-23T05:40:00Z"), "2026-11-23 05:40:00");
  EXPECT_EQ(time_cell("0001-01-01T00:00:00Z"), "never");
  EXPECT_EQ(time_cell("2026-11-23"), "never");
  EXPECT_EQ(time_cell(""), "never");
}

TEST(CliText, AMemberIsReplacedAddedOrLeftOut) {
  struct Case {
    const char* object;
    const char* name;
    const char* value;
    const char* expected;
  };
  for (const auto& [object, name, value, expected] : {
           Case{R"({"a":1,"b":2})", "a", "3", R"({"b":2,"a":3})"},
           Case{R"({"a":1,"b":2})", "c", "null", R"({"a":1,"b":2,"c":null})"},
           Case{R"({"a":1,"b":2})", "a", "", R"({"b":2})"},
           Case{R"({"a":1})", "a", "", "{}"},
           Case{R"({"a":1})", "absent", "", R"({"a":1})"},
           Case{"{}", "a\"b", "1", R"({"a\"b":1})"},
           Case{R"({"a\"b":0})", "a\"b", "1", R"({"a\"b":1})"},
       }) {
    EXPECT_EQ(with_member(Json(object).root(), name, value), expected) << object << " " << name;
  }
}

}  // namespace
}  // namespace twinhub::cli
