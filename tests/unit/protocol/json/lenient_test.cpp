#include "protocol/json/lenient.hpp"

#include "protocol/json/document.hpp"

#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace twinhub::json {
namespace {

/// What a body becomes on its way to a handler.
std::string made_strict(std::string body) {
  make_strict(body);
  return body;
}

struct Row {
  std::string_view lenient, strict;
};

TEST(LenientJson, TakesWhatTheCloudsParserTakes) {
  for (const Row& row : {
           Row{R"({"methodName":"m","payload":'on'})", R"({"methodName":"m","payload":"on"})"},
           {R"({"type":"scheduleUpdateTwin","updateTwin":{"etag":"*"},})",
            R"({"type":"scheduleUpdateTwin","updateTwin":{"etag":"*"}})"},
           {R"({'a':1})", R"({"a":1})"},
           {R"({a:1,$b_2:2,3:3})", R"({"a":1,"$b_2":2,"3":3})"},
           {"{gr\u00F6\u00DFe:1,\u6E29\u5EA6:2,\u0416_\u0663:3}",
            "{\"gr\u00F6\u00DFe\":1,\"\u6E29\u5EA6\":2,\"\u0416_\u0663\":3}"},
           {R"([1,2,])", "[1,2]"},
           {R"({"a":[{},],})", R"({"a":[{}]})"},
           {"/* one */{ // two\n\"a\": /* three */ 1 /* four */, // five\r}// six", R"({"a":1})"},
           {R"({"a":'it\'s "so"'})", R"({"a":"it's \"so\""})"},
           {"{\"a\":\"two\nlines\tand\x01\"}", R"({"a":"two\nlines\tand\u0001"})"},
           {"\xEF\xBB\xBF{\"a\":1}", R"({"a":1})"},
           {"{\"a\":\u00A01,\u2003\"b\":2}\v\f", R"({"a":1,"b":2})"},
           {std::string_view("{\"a\":1}\0\0", 9), R"({"a":1})"},
           {R"({"a":"\ud83d\ude00"})", "{\"a\":\"\U0001F600\"}"},
           {R"({"a":"\ud83dx\ude00"})", "{\"a\":\"\uFFFDx\uFFFD\"}"},
           {R"({"a":"\ud83d\ud83d\ude00"})", "{\"a\":\"\uFFFD\U0001F600\"}"},
           {"'text'", "\"text\""},
       }) {
    EXPECT_EQ(made_strict(std::string(row.lenient)), row.strict);
  }
}

TEST(LenientJson, WritesNumbersOfEveryFormInTheStrictOne) {
  for (const Row& row : {Row{"[.5,-.5,5.,1.e5]", "[0.5,-0.5,5.0,1.0e5]"},
                         {"[0x1F,0XfF,017,-012]", "[31,255,15,-12]"},
                         {"[0xFFFFFFFFFFFFFFFF]", "[-1]"},
                         {"[00]", "[0]"}}) {
    EXPECT_EQ(made_strict(std::string(row.lenient)), row.strict);
  }
}

TEST(LenientJson, LeavesAloneWhatNobodyForgives) {
  for (const std::string body : {"",
                                 "{",
                                 "}",
                                 "[1,,2]",
                                 "[,1]",
                                 "{,}",
                                 "{a}",
                                 "{'a' 1}",
                                 "{'a':}",
                                 "{'a'/**/:1}",
                                 "{a-b:1}",
                                 "{\u00D7:1}",
                                 "{a\u2014b:1}",
                                 "{\U0001F600:1}",
                                 "{'a':b}",
                                 "{'a':NaN}",
                                 "{'a':Infinity}",
                                 "{'a':-Infinity}",
                                 "{'a':undefined}",
                                 "{'a':new Date(1)}",
                                 "{'a':'b}",
                                 "{'a':1]",
                                 "{'a':1}}",
                                 "{'a':1},",
                                 "{'a':1}{'b':2}",
                                 "/* 'a'",
                                 "{'a':'\\x'}",
                                 "{'a':'\\u12'}",
                                 "{'a':0x}",
                                 "{'a':08}",
                                 "{'a':0x1FFFFFFFFFFFFFFFF}",
                                 "{'a':-}",
                                 "{'a':.}",
                                 "{'a':+1}",
                                 "{'a':1e}",
                                 "{'a':1.2.3}",
                                 "{'a':truth}",
                                 "{'a':True}",
                                 "'a'b",
                                 "{'a':'\xff'}",
                                 "/'a'"}) {
    EXPECT_EQ(made_strict(body), body);
    EXPECT_FALSE(parse(body)) << body;
  }
}

TEST(LenientJson, StrictTextIsRecognisedAndStaysAsItIs) {
  for (const std::string body :
       {R"({"a":[1,-2.5,1e3,true,false,null,"x"], "b" : {} })", "[]", "0", "-0", "\"\"", "null", "  {\r\n\t}  ",
        R"({"a":"\"\\\/\b\f\n\r\t\u00e9 it's // not, } a comment"})"}) {
    EXPECT_TRUE(reads_as_strict(body)) << body;
    EXPECT_EQ(made_strict(body), body);
    ASSERT_TRUE(parse(body)) << body;
    EXPECT_EQ(parse(*strict_text_of(body))->text(), parse(body)->text());
  }
}

TEST(LenientJson, NestingIsBounded) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + "'x'" + std::string(depth, ']'); };
  EXPECT_TRUE(parse(made_strict(nested(depth_max))));
  EXPECT_EQ(made_strict(nested(depth_max + 1)), nested(depth_max + 1));
  EXPECT_EQ(made_strict(nested(500'000)), nested(500'000));
}

/// Anything made of what JSON and its lenient cousin consist of.
std::string soup(std::mt19937& random) {
  static const std::vector<std::string> pieces = {"{",
                                                  "}",
                                                  "[",
                                                  "]",
                                                  ",",
                                                  ":",
                                                  "'",
                                                  "\"",
                                                  "\\",
                                                  "a",
                                                  "$x",
                                                  "1",
                                                  "0x1f",
                                                  "017",
                                                  ".5",
                                                  "5.",
                                                  "-",
                                                  "e5",
                                                  " ",
                                                  "\n",
                                                  "//",
                                                  "/*",
                                                  "*/",
                                                  "true",
                                                  "null",
                                                  "NaN",
                                                  "\\u",
                                                  "d83d",
                                                  "\\ude00",
                                                  "\u00a0",
                                                  "\xEF\xBB\xBF",
                                                  std::string(1, '\0'),
                                                  "\x01",
                                                  "'a':",
                                                  "\"b\":1,",
                                                  "{'c':",
                                                  "},",
                                                  "],"};
  std::string text;
  for (auto left = random() % 24; left > 0; --left) text += pieces[random() % pieces.size()];
  return text;
}

TEST(LenientJson, WhatItAcceptsTheStrictParserTakesAndWhatIsStrictKeepsItsMeaning) {
  std::mt19937 random(20161);
  int accepted = 0;
  for (int i = 0; i < 300'000; ++i) {
    const std::string text = soup(random);
    const auto strict = strict_text_of(text);
    const auto parsed = parse(text);
    if (parsed) {
      ASSERT_TRUE(strict) << text;
      ASSERT_EQ(parse(*strict)->text(), parsed->text()) << text;
    }
    if (!strict) continue;
    ++accepted;
    ASSERT_TRUE(parse(*strict)) << text << " -> " << *strict;
    ASSERT_TRUE(reads_as_strict(*strict)) << *strict;
    if (reads_as_strict(text)) {
      ASSERT_TRUE(parsed) << text;
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace twinhub::json
