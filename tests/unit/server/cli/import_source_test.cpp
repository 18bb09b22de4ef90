#include "server/cli/import_source.hpp"

#include "tests/unit/server/cli/printed.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace twinhub::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Every item as "NUMBER TEXT", or the Error of opening or reading, as "error: ...".
std::vector<std::string> items_of(const std::string& content, const std::string& name = "file.json") {
  auto source = ImportSource::open(std::make_unique<std::istringstream>(content), name);
  if (!source) return {"error: " + source.error().detail};
  std::vector<std::string> items;
  while (true) {
    const auto item = (*source)->next();
    if (!item) return {"error: " + item.error().detail};
    if (!*item) return items;
    items.push_back(std::to_string((*item)->number) + " " + (*item)->text);
  }
}

TEST(CliImportLines, EveryLineIsAnItemUnderItsOwnNumber) {
  EXPECT_THAT(items_of("{\"id\":\"a\"}\n\n{\"id\":\"b\"}\r\n \t\n{\"id\":\"c\"}"),
              ElementsAre(R"(1 {"id":"a"})", R"(3 {"id":"b"})", R"(5 {"id":"c"})"));
}

TEST(CliImportLines, ALineThatIsNoDeviceIsAnItemToBeRefusedLater) {
  EXPECT_THAT(items_of("{\"id\":\"a\"}\nnonsense\n"), ElementsAre(R"(1 {"id":"a"})", "2 nonsense"));
}

TEST(CliImportLines, TheWarningThatBeginsAnExportWithoutKeysIsPassedOver) {
  testing::internal::CaptureStderr();
  EXPECT_THAT(items_of("Keys are not exported\n{\"id\":\"a\"}\n"), ElementsAre(R"(2 {"id":"a"})"));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("line 1 is not a device"));
}

TEST(CliImportLines, BlanksInFrontOfTheFirstDeviceDoNotHideIt) {
  EXPECT_THAT(items_of("  {\"id\":\"a\"}\n{\"id\":\"b\"}\n"), ElementsAre(R"(1   {"id":"a"})", R"(2 {"id":"b"})"));
}

TEST(CliImportLines, AByteOrderMarkHidesNoDevice) {
  const std::string mark = "\xEF\xBB\xBF", a = R"({"id":"a"})", b = R"({"id":"b"})";
  EXPECT_THAT(items_of(mark + a + "\r\n" + b), ElementsAre("1 " + a, "2 " + b));
  EXPECT_THAT(items_of(mark + "\n" + a), ElementsAre("2 " + a));
  EXPECT_THAT(items_of(a + "\n" + mark + b + "\n"), ElementsAre("1 " + a, "2 " + b))
      << "two files, one behind the other";
  EXPECT_THAT(items_of(mark + "[" + a + ",\n" + b + "]"), ElementsAre("1 " + a, "2 " + b)) << "a seed";
  EXPECT_THAT(items_of(mark + "[[devices]]\nid = \"a\"\n", "seed.toml"), ElementsAre("1 " + a));
  testing::internal::CaptureStderr();
  EXPECT_THAT(items_of(mark + "Keys are not exported\n" + a), ElementsAre("2 " + a));
  testing::internal::GetCapturedStderr();
}

/// As Windows PowerShell writes whatever is sent to a file by `>`.
TEST(CliImportLines, AFileInUtf16IsReadAsOneInUtf8) {
  const auto utf16 = [](std::u16string_view text, bool is_big_endian) {
    std::string bytes;
    for (const char16_t unit : std::u16string(1, u'\xFEFF') + std::u16string(text)) {
      const auto high = static_cast<char>(unit >> 8U), low = static_cast<char>(unit & 0xFFU);
      bytes += is_big_endian ? std::string{high, low} : std::string{low, high};
    }
    return bytes;
  };
  for (const bool is_big_endian : {false, true}) {
    const std::string file =
        utf16(u"{\"id\":\"a\",\"tags\":{\"n\":\"\u010A\u00E9\U0001F600\"}}\r\n{\"id\":\"b\"}\r\n", is_big_endian);
    EXPECT_THAT(items_of(file),
                ElementsAre("1 {\"id\":\"a\",\"tags\":{\"n\":\"\u010A\u00E9\U0001F600\"}}", R"(2 {"id":"b"})"));
    EXPECT_THAT(items_of(utf16(u"[{\"id\":\"a\"}]", is_big_endian)), ElementsAre(R"(1 {"id":"a"})"));
    for (const char16_t* broken : {u"{\xD800}", u"{\xDC00}", u"{\xD800"})
      EXPECT_THAT(items_of(utf16(broken, is_big_endian)), ElementsAre("error: file.json: its UTF-16 is broken"));
    EXPECT_THAT(items_of(file + "x"), ElementsAre("error: file.json: its UTF-16 is broken"));
  }
}

TEST(CliImportLines, ALineMayBeWrittenAsTheHubsOwnReaderTakesIt) {
  EXPECT_THAT(items_of("{'id':'a',}\n{id:\"b\"} // the second\n"),
              ElementsAre("1 {'id':'a',}", "2 {id:\"b\"} // the second"));
  EXPECT_THAT(items_of("{\"Id\":\"a\"}\n{\"ID\":\"b\"}"), ElementsAre(R"(1 {"Id":"a"})", R"(2 {"ID":"b"})"));
  EXPECT_THAT(items_of("{'devices':[{'id':'a'},]}"), ElementsAre(R"(1 {"id":"a"})"));
}

TEST(CliImportLines, AnEmptyFileHasNoItems) {
  EXPECT_THAT(items_of(""), IsEmpty());
  EXPECT_THAT(items_of("\n\n"), IsEmpty());
}

TEST(CliImportLines, MessagesCallThemLines) {
  const auto source = ImportSource::open(std::make_unique<std::istringstream>("{\"id\":\"a\"}\n"), "x");
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->unit(), "line");
}

TEST(CliImportSeed, JsonAndTomlSayTheSame) {
  const auto json = items_of(
      "{\"devices\":[\n{\"id\":\"a\",\"tags\":{\"room\":\"attic\"},\"desired\":{\"interval\":5},"
      "\"modules\":[{\"id\":\"camera\",\"reported\":{\"zoom\":2}}]}]}");
  const auto toml = items_of(
      "[[devices]]\nid = \"a\"\ntags = { room = \"attic\" }\ndesired = { interval = 5 }\n"
      "[[devices.modules]]\nid = \"camera\"\nreported = { zoom = 2 }\n",
      "seed.toml");
  EXPECT_THAT(json, ElementsAre(R"(1 {"id":"a","properties":{"desired":{"interval":5}},"tags":{"room":"attic"}})",
                                R"(2 {"id":"a","moduleId":"camera","properties":{"reported":{"zoom":2}}})"));
  EXPECT_EQ(toml, json);
}

TEST(CliImportSeed, AListOfDevicesIsASeedToo) {
  EXPECT_THAT(items_of("[{\"id\":\"a\"},\n{\"id\":\"b\"}]"), ElementsAre(R"(1 {"id":"a"})", R"(2 {"id":"b"})"));
}

TEST(CliImportSeed, KeysBecomeSasAuthentication) {
  EXPECT_THAT(items_of(R"([{"id":"a","primaryKey":"AA=="}])"),
              ElementsAre(R"(1 {"id":"a","authentication":{"type":"sas","symmetricKey":)"
                          R"({"primaryKey":"AA==","secondaryKey":"AA=="}}})"));
  EXPECT_THAT(items_of(R"([{"id":"a","primaryKey":"AA==","secondaryKey":"BB=="}])"),
              ElementsAre(HasSubstr(R"("secondaryKey":"BB==")")));
}

TEST(CliImportSeed, OtherMembersOfAnExportsLineAreKept) {
  EXPECT_THAT(items_of(R"([{"id":"a","status":"disabled","capabilities":{"iotEdge":true}}])"),
              ElementsAre(R"(1 {"id":"a","status":"disabled","capabilities":{"iotEdge":true}})"));
}

TEST(CliImportSeed, WhatIsWrongIsRefusedWithItsPlace) {
  struct Case {
    const char* content;
    const char* words;
    const char* name = "seed.json";
  };
  for (const auto& [content, words, name] : {
           Case{"{\"devices\":\n", "seed.json: "},
           Case{"{}", "a seed has a list of devices"},
           Case{R"({"devices":{"id":"a"}})", "a seed has a list of devices"},
           Case{"[5]", "device 1: must be a table of members"},
           Case{R"([{"id":"a"},{"tags":{}}])", "device 2: has no id"},
           Case{R"([{"id":""}])", "device 1: has no id"},
           Case{R"([{"id":7}])", "device 1: has no id"},
           Case{R"([{"id":"a","properties":{},"desired":{}}])", "a has both properties and desired or reported"},
           Case{R"([{"id":"a","authentication":{},"primaryKey":"AA=="}])", "a has both authentication and primaryKey"},
           Case{R"([{"id":"a","secondaryKey":"AA=="}])", "a has a secondaryKey and no primaryKey"},
           Case{R"([{"id":"a","modules":[{"tags":{}}]}])", "a module of a: has no id"},
           Case{R"([{"id":"a","modules":{"id":"m"}}])", "a: modules must be a list"},
           Case{"[[devices]\n", "seed.toml:1", "seed.toml"},
       }) {
    EXPECT_THAT(items_of(content, name), ElementsAre(AllOf(HasSubstr("error: "), HasSubstr(words)))) << content;
  }
}

TEST(CliImportSeed, MessagesCallThemItems) {
  const auto source = ImportSource::open(std::make_unique<std::istringstream>("[]"), "x");
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->unit(), "item");
}

}  // namespace
}  // namespace twinhub::cli
