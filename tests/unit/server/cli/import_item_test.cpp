#include "server/cli/import_item.hpp"

#include <gmock/gmock.h>

#include <string>

namespace twinhub::cli {
namespace {

using testing::HasSubstr;

std::string sent(const std::string& text, const std::string& mode = "") {
  const auto ready = make_ready({7, text}, mode);
  return ready ? ready->text : "error: " + ready.error().detail;
}

TEST(CliImportItem, AnEtagGoesOnlyWithAModeThatAsksForIt) {
  struct Case {
    const char* line;
    const char* mode;
    const char* text;
  };
  for (const auto& [line, mode, text] : {
           Case{R"({"id":"a","eTag":"x","tags":{}})", "", R"({"id":"a","tags":{}})"},
           Case{R"({"id":"a","ETAG":"x","twinETag":"y"})", "", R"({"id":"a"})"},
           Case{R"({"id":"a","eTag":"x"})", "update", R"({"id":"a","importMode":"update"})"},
           Case{R"({"id":"a","eTag":"x"})", "updateIfMatchETag",
                R"({"id":"a","eTag":"x","importMode":"updateIfMatchETag"})"},
           Case{R"({"importMode":"deleteIfMatchETag","id":"a","eTag":"x"})", "update",
                R"({"id":"a","eTag":"x","importMode":"deleteIfMatchETag"})"},
           Case{R"({"id":"a","importMode":null})", "create", R"({"id":"a","importMode":"create"})"},
       }) {
    EXPECT_EQ(sent(line, mode), text) << line;
  }
}

TEST(CliImportItem, KeepsItsNumberItsIdAndTheLineItCameFrom) {
  const std::string line = R"({"id":"a","moduleId":"m","eTag":"x"})";
  const auto ready = make_ready({42, line}, "");
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->number, 42U);
  EXPECT_EQ(ready->id, "a/m");
  EXPECT_EQ(ready->source, line);
}

TEST(CliImportItem, ALenientLineGoesAsStrictJson) {
  EXPECT_EQ(sent("{'id':'a',tags:{'x':1,},} // the first"), R"({"id":"a","tags":{"x":1}})");
  EXPECT_EQ(sent("\xEF\xBB\xBF{\"id\":\"a\"}"), R"({"id":"a"})");
}

TEST(CliImportItem, WhatCannotBeSentIsRefusedInWords) {
  EXPECT_THAT(sent("nonsense"), HasSubstr("error: it is no JSON: "));
  EXPECT_EQ(sent("[1]"), "error: it is no JSON object");
  EXPECT_EQ(sent("{}"), "error: it has no id");
  EXPECT_EQ(sent(R"({"id":5})"), "error: it has no id");
  EXPECT_EQ(sent(R"({"id":"a","importMode":5})"), "error: its importMode must be a string");
  EXPECT_EQ(sent(R"({"id":")" + std::string(257, 'a') + R"("})"), "error: its id is too long");
  EXPECT_EQ(sent(R"({"id":")" + std::string(200, 'a') + R"(","moduleId":")" + std::string(57, 'b') + R"("})"),
            "error: its id is too long");
  EXPECT_EQ(sent(R"({"id":"a","x":")" + std::string(batch_bytes_max, 'x') + R"("})"), "error: it is too long");
}

}  // namespace
}  // namespace twinhub::cli
