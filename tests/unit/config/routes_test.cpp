// Routes, fallback, enrichments and endpoints in the settings file: what is taken, and what is refused in which words.
#include "config/routes.hpp"

#include "config/url.hpp"
#include "tests/unit/config/toml_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twinhub::config {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view whole = R"(
[[routes]]
name = "alarms"
source = "devicemessages"
condition = "level = 'alarm'"
endpoints = ["broker", "archive"]

[[routes]]
name = "twins"
source = "TwinChangeEvents"
endpoints = "hook"
enabled = false

[fallback]
enabled = false
endpoints = ["archive"]

[[enrichments]]
key = "site"
value = "$twin.tags.site"
endpoints = ["broker"]

[[endpoints]]
name = "broker"
type = "mqtt"
url = "mqtts://broker.local:8883"
user = "u"
password = "secret-password"
window = 5

[[endpoints]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1/x"
headers = { Authorization = "secret-token" }

[[endpoints]]
name = "archive"
type = "file"
path = "events.jsonl"
keep = 0
)";

Routing read(std::string_view text) {
  const TomlFile file(text);
  return load({.file = file.path(), .environment = {}, .flags = {}}).routing;
}

std::string refused(std::string_view text) {
  const TomlFile file(text);
  return refusal({.file = file.path(), .environment = {}, .flags = {}});
}

TEST(Routes, TablesAreReadWithTheirDefaults) {
  const Routing routing = read(whole);
  ASSERT_EQ(routing.routes.size(), 2U);
  EXPECT_EQ(routing.routes[0].source, "DeviceMessages");
  EXPECT_EQ(routing.routes[0].condition, "level = 'alarm'");
  EXPECT_EQ(routing.routes[0].endpoints, (std::vector<std::string>{"broker", "archive"}));
  EXPECT_TRUE(routing.routes[0].enabled);
  EXPECT_EQ(routing.routes[1].condition, "true");
  EXPECT_EQ(routing.routes[1].endpoints, std::vector<std::string>{"hook"});
  EXPECT_FALSE(routing.routes[1].enabled);
  EXPECT_FALSE(routing.fallback.enabled);
  ASSERT_EQ(routing.enrichments.size(), 1U);
  EXPECT_EQ(routing.enrichments[0].value, "$twin.tags.site");
  ASSERT_EQ(routing.endpoints.size(), 3U);
  EXPECT_EQ(routing.endpoints[0].window, 5U);
  EXPECT_EQ(routing.endpoints[0].from, "now");
  EXPECT_EQ(routing.endpoints[1].headers[0].second, "secret-token");
  EXPECT_EQ(routing.endpoints[2].keep, 0U);
}

TEST(Routes, WithoutTablesOnlyTheFallbackIsThere) {
  const Routing routing = load({}).routing;
  EXPECT_TRUE(routing.routes.empty());
  EXPECT_TRUE(routing.fallback.enabled);
  EXPECT_EQ(routing.fallback.endpoints, std::vector<std::string>{"events"});
}

TEST(Routes, WhatDescribePrintsLoadsAgainAndHoldsNoSecret) {
  const TomlFile file(whole);
  const std::string text = describe(load({.file = file.path(), .environment = {}, .flags = {}}));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("secret")));
  EXPECT_THAT(text, HasSubstr("# " + file.path().string() + ":2"));
  const Routing again = read(text);
  ASSERT_EQ(again.routes.size(), 2U);
  EXPECT_EQ(again.routes[0].condition, "level = 'alarm'");
  EXPECT_EQ(again.endpoints[0].url, "mqtts://broker.local:8883");
  EXPECT_FALSE(again.fallback.enabled);
}

TEST(Routes, AUrlIsShownWithoutWhatNobodyMayRead) {
  EXPECT_EQ(shown_url("https://h:1/a/b?code=secret#secret"), "https://h:1/a/b");
  EXPECT_EQ(shown_url("mqtt://u:secret@h:1883"), "mqtt://h:1883");
  EXPECT_EQ(shown_url("mqtt://u:sec@ret@h"), "mqtt://h");
  EXPECT_EQ(shown_url("http://h?secret"), "http://h");
  EXPECT_EQ(shown_url("http://h/a@b"), "http://h/a@b");
  EXPECT_EQ(shown_url("http://[::1]:80/x"), "http://[::1]:80/x");
  EXPECT_EQ(shown_url("u:secret@h"), "h");
  EXPECT_EQ(shown_url(""), "");
  EXPECT_FALSE(has_userinfo("http://h/a?b=c@d"));
  const std::string hook = "[[endpoints]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"https://h/x?code=secret\"\n";
  const TomlFile file(hook);
  const std::string text = describe(load({.file = file.path(), .environment = {}, .flags = {}}));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("secret")));
  EXPECT_THAT(text, HasSubstr("url = \"https://h/x\""));
}

TEST(Routes, AUserNameInAUrlIsRefusedWithTheRightPlaceForItAndNotRepeated) {
  for (const std::string url : {"mqtt://u:secret@b", "mqtts://secret@b:8883"}) {
    const std::string words = refused("[[endpoints]]\nname = \"a\"\ntype = \"mqtt\"\nurl = \"" + url + "\"\n");
    EXPECT_THAT(words, HasSubstr("there are user and password"));
    EXPECT_THAT(words, ::testing::Not(HasSubstr("secret")));
  }
  EXPECT_THAT(refused("[[endpoints]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"https://u:secret@b/\"\n"),
              HasSubstr("there are headers"));
  const std::string broker =
      refusal({.file = {}, .environment = {}, .flags = {{"events.broker", "mqtt://u:secret@b"}}});
  EXPECT_THAT(broker, HasSubstr("user and password"));
  EXPECT_THAT(broker, ::testing::Not(HasSubstr("secret")));
}

TEST(Routes, AHeaderThatIsNoneIsRefused) {
  const std::string hook = "[[endpoints]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"http://h\"\nheaders = ";
  EXPECT_THAT(refused(hook + "{ \"a b\" = \"c\" }\n"), HasSubstr("a header whose name is none"));
  EXPECT_THAT(refused(hook + "{ a = \"b\\r\\nHost: c\" }\n"), HasSubstr("a header 'a' with something other"));
}

TEST(Routes, AWrongKeyOrValueIsRefusedWithItsLineAndTheNearestRightOne) {
  EXPECT_THAT(refused("[[routes]]\nname = \"a\"\ncondtion = \"true\"\n"), HasSubstr(":3: there is no 'condtion'"));
  EXPECT_THAT(refused("[[routes]]\nname = \"a\"\ncondtion = \"true\"\n"), HasSubstr("'condition'"));
  EXPECT_THAT(refused("[[route]]\n"), HasSubstr("did you mean 'routes'?"));
  EXPECT_THAT(refused("[routes]\nname = \"a\"\n"), HasSubstr("write [[routes]]"));
  EXPECT_THAT(refused("\n[[routes]]\nsource = \"Everything\"\n"),
              HasSubstr(":3: [[routes]] source is not one of: DeviceMessages, TwinChangeEvents"));
  EXPECT_THAT(refused("[[endpoints]]\nname = \"a\"\nwindow = 0\n"), HasSubstr(":3: [[endpoints]] window is not"));
  EXPECT_THAT(refused("[[endpoints]]\nname = \"a b\"\n"), HasSubstr(":2: [[endpoints]] name is not a name"));
  EXPECT_THAT(refused("[fallback]\nenabled = 1\n"), HasSubstr(":2: [fallback] enabled is neither true nor false"));
}

TEST(Routes, WhatDoesNotFitTogetherIsRefusedWithItsTable) {
  const std::string route = "[[routes]]\nname = \"r\"\nsource = \"DeviceMessages\"\nendpoints = [\"archve\"]\n";
  const std::string archive = "[[endpoints]]\nname = \"archive\"\ntype = \"file\"\npath = \"x\"\n";
  EXPECT_THAT(refused(route + archive), HasSubstr(":1: route 'r' names the endpoint 'archve'"));
  EXPECT_THAT(refused(route + archive), HasSubstr("did you mean 'archive'?"));
  EXPECT_THAT(refused(archive + archive), HasSubstr(":5: endpoint 'archive' is there twice"));
  EXPECT_THAT(refused("[[endpoints]]\nname = \"events\"\ntype = \"file\"\npath = \"x\"\n"), HasSubstr("built-in"));
  EXPECT_THAT(refused("[[endpoints]]\nname = \"a\"\ntype = \"mqtt\"\nurl = \"broker:1883\"\n"),
              HasSubstr("begins with mqtt:// or mqtts://"));
  EXPECT_THAT(refused("[[endpoints]]\nname = \"a\"\ntype = \"mqtt\"\nurl = \"mqtt://b\"\nversion = \"3.1.1\"\n"),
              HasSubstr("envelope"));
  EXPECT_THAT(refused("[[endpoints]]\nname = \"a\"\ntype = \"file\"\n"), HasSubstr("has no path"));
  EXPECT_THAT(refused("[[routes]]\nname = \"r\"\nendpoints = \"events\"\n"), HasSubstr("has no source"));
}

TEST(Routes, ThereAreBounds) {
  std::string endpoints;
  for (int i = 0; i < 11; ++i)
    endpoints += "[[endpoints]]\nname = \"e" + std::to_string(i) + "\"\ntype = \"file\"\npath = \"x\"\n";
  EXPECT_THAT(refused(endpoints), HasSubstr(":41: there may be 10 of [[endpoints]]"));
}

}  // namespace
}  // namespace twinhub::config
