#include "protocol/twin/limits.hpp"
#include "twin_fixture.hpp"

#include <vector>

namespace twinhub::twin {
namespace {

std::string property(std::string_view key, std::string_view value) {
  return "{\"" + std::string(key) + "\":" + std::string(value) + "}";
}

/// The code each of the three sections gives for `section`; they must agree.
std::optional<Errc> refusal(const std::string& section, PatchRules rules = {}) {
  const Twin twin = make_twin(created);
  const auto code = [](const auto& result) {
    return result ? std::optional<Errc>{} : std::optional{result.error().code};
  };
  const auto desired = code(apply_service_patch(twin, desired_body(section), later, rules));
  EXPECT_EQ(code(apply_service_patch(twin, tags_body(section), later, rules)), desired) << section;
  if (rules.arrays_allowed) {
    EXPECT_EQ(code(apply_reported_patch(twin, section, {}, later)), desired) << section;
  }
  return desired;
}

#define EXPECT_TAKEN(section) EXPECT_EQ(refusal(section), std::nullopt) << (section)
#define EXPECT_INVALID(section) EXPECT_EQ(refusal(section), Errc::argument_invalid) << (section)

TEST(TwinKeys, TakeUnicodeAndTheEmptyKey) {
  for (const char* key : {"", "a", "A", "é", "漢", "a-b_c:d/e", "\\\"", "\\\\"}) EXPECT_TAKEN(property(key, "1"));
}

TEST(TwinKeys, AreCaseSensitive) {
  EXPECT_EQ(report(make_twin(created), R"({"a":1,"A":2})").reported.text, R"({"a":1,"A":2})");
}

TEST(TwinKeys, RefuseDotsDollarsHashesBlanksAndControls) {
  for (const char* key :
       {"a.b", "a b", "$x", "#x", "a$", "\\u0001", "\\u0085", "\\u00a0", "\\u2003", "\\u3000", "\\t", "\\u007f"}) {
    EXPECT_INVALID(property(key, "1"));
    EXPECT_INVALID(property("outer", property(key, "1")));
    EXPECT_INVALID(property("outer", "[" + property(key, "1") + "]"));
  }
}

TEST(TwinKeys, AreChecksEvenWhereTheyDelete) { EXPECT_INVALID(property("a.b", "null")); }

TEST(TwinKeys, AreAtMost1024Bytes) {
  EXPECT_TAKEN(property(std::string(1024, 'k'), "1"));
  EXPECT_INVALID(property(std::string(1025, 'k'), "1"));
  std::string two_byte_characters;
  for (int i = 0; i < 512; ++i) two_byte_characters += "é";
  EXPECT_TAKEN(property(two_byte_characters, "1"));
  EXPECT_INVALID(property(two_byte_characters + "x", "1"));
}

TEST(TwinKeys, TheHubsMembersAreOnlyPassedOverAtTheTop) {
  EXPECT_INVALID(R"({"a":{"$version":1}})");
  EXPECT_INVALID(R"({"a":{"$metadata":{}}})");
}

TEST(TwinStrings, AreAtMost4096Bytes) {
  EXPECT_TAKEN(property("s", '"' + std::string(4096, 'x') + '"'));
  EXPECT_INVALID(property("s", '"' + std::string(4097, 'x') + '"'));
  std::string characters;
  for (int i = 0; i < 2048; ++i) characters += "é";
  EXPECT_TAKEN(property("s", '"' + characters + '"'));
  EXPECT_INVALID(property("s", '"' + characters + "x\""));
  std::string escapes;
  for (int i = 0; i < 4096; ++i) escapes += "\\n";
  EXPECT_TAKEN(property("s", '"' + escapes + '"'));  // 4,096 characters in 8,192 bytes of text
}

TEST(TwinNumbers, IntegersAreBetweenPlusAndMinus2To52) {
  EXPECT_TAKEN(property("n", "4503599627370495"));
  EXPECT_TAKEN(property("n", "-4503599627370496"));
  EXPECT_INVALID(property("n", "4503599627370496"));
  EXPECT_INVALID(property("n", "-4503599627370497"));
  EXPECT_INVALID(property("n", "99999999999999999999999"));
  EXPECT_TAKEN(property("n", "4503599627370496.0"));
  EXPECT_TAKEN(property("n", "1e300"));
  EXPECT_EQ(refusal(property("n", "1e400")), Errc::iot_hub_format_error);
}

TEST(TwinNumbers, AreAtMost40CharactersLong) {
  const std::string digits(37, '1');
  EXPECT_TAKEN(property("n", "-0." + digits));
  EXPECT_INVALID(property("n", "-0.1" + digits));
  EXPECT_INVALID(property("n", "0." + std::string(300'000, '1')));
  EXPECT_INVALID(property("n", "[0." + std::string(300'000, '1') + "]"));
  EXPECT_INVALID(property("n", "1e" + std::string(100, '0')));
  EXPECT_EQ(apply_reported_patch(make_twin(created), property("n", "0.1" + digits + "111"), {}, later).error().detail,
            "Numbers should be maximum 40 characters. Error in Property/Tag n");
}

TEST(TwinNumbers, KeepTheirText) {
  EXPECT_EQ(report(make_twin(created), R"({"a":1.0,"b":1E2,"c":-0.50})").reported.text,
            R"({"a":1.0,"b":1E2,"c":-0.50})");
}

std::string nested(int levels, std::string innermost) {
  for (int i = 0; i < levels; ++i) innermost = property("l", innermost);
  return innermost;
}

TEST(TwinDepth, TenObjectsBelowTheSection) {
  EXPECT_TAKEN(nested(10, property("property", "\"value\"")));
  EXPECT_TAKEN(nested(10, "{}"));
  EXPECT_INVALID(nested(11, "{}"));
  EXPECT_INVALID(nested(11, property("property", "1")));
}

TEST(TwinDepth, AnArrayIsALevel) {
  EXPECT_TAKEN(nested(10, "[1]"));
  EXPECT_INVALID(nested(10, "[[]]"));
  EXPECT_INVALID(nested(10, "[{}]"));
  EXPECT_TAKEN(nested(9, "[{}]"));
}

TEST(TwinArrays, HoldNoNulls) {
  EXPECT_TAKEN(R"({"a":[1,"x",true,{"b":2},[3]]})");
  EXPECT_INVALID(R"({"a":[null]})");
  EXPECT_INVALID(R"({"a":[{"b":null}]})");
  EXPECT_INVALID(R"({"a":[[1,null]]})");
}

/// `count` times `element`, as an array.
std::string array_of(std::size_t count, const std::string& element) {
  std::string text = "[";
  for (std::size_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + element;
  return text + "]";
}

TEST(TwinArrays, HaveAtMost8192Elements) {
  EXPECT_TRUE(apply_reported_patch(make_twin(created), property("a", array_of(8192, "[]")), {}, later));
  for (const char* element : {"[]", "{}", "\"\"", "1"}) EXPECT_INVALID(property("a", array_of(8193, element)));
  EXPECT_INVALID(property("a", array_of(1, array_of(8193, "\"\""))));
}

TEST(TwinArrays, AreNotSupportedByOldApiVersions) {
  const auto refused = apply_service_patch(make_twin(created), desired_body(R"({"a":{"b":[1]}})"), later,
                                           PatchRules{.arrays_allowed = false});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::argument_invalid);
  EXPECT_EQ(refused.error().detail,
            "Provided json is not a valid 'tags' or 'properties' object: arrays are not supported.");
}

TEST(TwinBodies, ThatAreNoJsonOrNoObjectAreFormatErrors) {
  for (const char* body : {"", "{", "[]", "null", "\"x\"", "\xEF\xBB\xBF{}", "{}x"}) {
    const auto refused = apply_service_patch(make_twin(created), body, later);
    ASSERT_FALSE(refused) << body;
    EXPECT_EQ(refused.error().code, Errc::iot_hub_format_error) << body;
  }
}

TEST(TwinBodies, WithASectionThatIsNoObjectAreInvalid) {
  for (const char* body :
       {R"({"tags":1})", R"({"tags":[]})", R"({"properties":"x"})", R"({"properties":{"desired":[]}})"}) {
    const auto refused = apply_service_patch(make_twin(created), body, later);
    ASSERT_FALSE(refused) << body;
    EXPECT_EQ(refused.error().code, Errc::argument_invalid) << body;
  }
}

TEST(TwinBodies, WithMembersThatNoTwinHasAreInvalid) {
  for (const char* body :
       {R"({"desiredProperties":{"x":1}})", R"({"desired":{"x":1}})", R"({"reported":{"x":1}})", R"({"x":1})",
        R"({"Tags":{"x":1}})", R"({"Properties":{"desired":{"x":1}}})", R"({"properties":{"x":1}})",
        R"({"properties":{"Desired":{"x":1}}})", R"({"tags":{"x":1},"tag":{"y":1}})", R"({"$metadata":{}})"}) {
    for (const auto& result : {apply_service_patch(make_twin(created), body, later),
                               apply_service_replace(make_twin(created), body, later)}) {
      ASSERT_FALSE(result) << body;
      EXPECT_EQ(result.error().code, Errc::generic_bad_request) << body;
    }
  }
}

TEST(TwinBodies, MayHoldWhatAReadTwinHolds) {
  iothub::Identity identity;
  identity.id = {"d1", ""};
  identity.status_reason = "why";
  identity.iot_edge = true;
  identity.device_scope = "ms-azure-iot-edge://d1-1";
  identity.parent_scopes = {"ms-azure-iot-edge://d0-1"};
  Twin twin = patch(make_twin(created), R"({"tags":{"t":1},"properties":{"desired":{"d":1}}})").after;
  twin.configurations = R"({"c":{"status":"Applied"}})";
  const std::string read = service_view(twin, identity, {});
  EXPECT_TRUE(apply_service_patch(twin, read, later)) << read;
  EXPECT_TRUE(apply_service_replace(twin, read, later)) << read;
  identity.id.module = "m1";
  EXPECT_TRUE(apply_service_patch(twin, service_view(twin, identity, {}), later));
  EXPECT_TRUE(apply_service_patch(twin, R"({"eTag":"*","ETAG":"*","deviceEtag":"x","statusUpdatedTime":null})", later));
}

TEST(ReportedBodies, ThatAreNoObjectAreInvalidAndNoJsonAFormatError) {
  for (const char* body : {"null", "[]", "\"x\"", "5"}) {
    EXPECT_EQ(apply_reported_patch(make_twin(created), body, {}, later).error().code, Errc::argument_invalid) << body;
  }
  for (const char* body : {"", "{", "{\"a\":\"\xff\"}", "{\"a\":1"}) {
    EXPECT_EQ(apply_reported_patch(make_twin(created), body, {}, later).error().code, Errc::iot_hub_format_error)
        << body;
  }
}

// --- Size: keys and values by the twin size rule ---

std::uint32_t size_of(const std::string& section) { return report(make_twin(created), section).reported.size_bytes; }

TEST(TwinSize, CountsKeysAndValues) {
  EXPECT_EQ(size_of("{}"), 0U);
  EXPECT_EQ(size_of(R"({"abc":1})"), 3U + 8);
  EXPECT_EQ(size_of(R"({"abc":1.25e3})"), 3U + 8);
  EXPECT_EQ(size_of(R"({"b":true})"), 1U + 4);
  EXPECT_EQ(size_of(R"({"s":"hello"})"), 1U + 5);
  EXPECT_EQ(size_of(R"({"s":"é"})"), 1U + 2);
  EXPECT_EQ(size_of(R"({"s":"a\n\u0001\u0085b\"\\"})"), 1U + 4);  // control characters count nothing
  EXPECT_EQ(size_of(R"({"o":{"k":1}})"), 1U + 1 + 8);
  EXPECT_EQ(size_of(R"({"a":[1,true,"xy",{"k":1}]})"), 1U + 8 + 4 + 2 + 1 + 8);
}

std::string of_size(std::uint32_t bytes) {
  std::string section = "{";
  for (int i = 0; bytes > 0; ++i) {
    const std::string key = "k" + std::to_string(i);
    const std::uint32_t value = std::min<std::uint32_t>(bytes - static_cast<std::uint32_t>(key.size()), 4000);
    section += (i > 0 ? ",\"" : "\"") + key + "\":\"" + std::string(value, 'x') + '"';
    bytes -= static_cast<std::uint32_t>(key.size()) + value;
    if (bytes > 0 && bytes < 10) bytes = 0;
  }
  return section + "}";
}

TEST(TwinSize, DesiredAndReportedStayBelow32KiB) {
  const std::string fits = of_size(32 * 1024 - 1), full = of_size(32 * 1024);
  ASSERT_EQ(size_of(fits), 32U * 1024 - 1);
  EXPECT_TRUE(apply_service_patch(make_twin(created), desired_body(fits), later));
  const auto desired = apply_service_patch(make_twin(created), desired_body(full), later);
  ASSERT_FALSE(desired);
  EXPECT_EQ(desired.error().code, Errc::device_model_max_properties_exceeded);
  EXPECT_EQ(desired.error().detail, "'Properties.Desired' size should be less than 32768 bytes.");
  const auto reported = apply_reported_patch(make_twin(created), full, {}, later);
  ASSERT_FALSE(reported);
  EXPECT_EQ(reported.error().detail, "'Properties.Reported' size should be less than 32768 bytes.");
}

TEST(TwinSize, TagsStayBelow8KiB) {
  EXPECT_TRUE(apply_service_patch(make_twin(created), tags_body(of_size(8 * 1024 - 1)), later));
  const auto refused = apply_service_patch(make_twin(created), tags_body(of_size(8 * 1024)), later);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "'Tags' size should be less than 8192 bytes.");
}

TEST(TwinSize, CountsTheMergedSection) {
  const Twin twin = report(make_twin(created), property("a", of_size(20'000)));
  EXPECT_FALSE(apply_reported_patch(twin, property("b", of_size(20'000)), {}, later));
  EXPECT_TRUE(apply_reported_patch(twin, property("a", of_size(21'000)), {}, later));
}

/// Values that IoT Hub's rule counts little or nothing for, each with more text than a member of a section may need.
std::vector<std::string> values_that_count_nothing() {
  std::string controls;
  for (int i = 0; i < 4000; ++i) controls += "\\u0001";
  std::string keys = "{";
  for (int i = 0; i < 60; ++i)
    keys += (i > 0 ? ",\"" : "\"") + std::string(1, static_cast<char>('A' + i % 26)) +
            std::string(static_cast<std::size_t>(i / 26), 'x') + "\":{}";
  return {array_of(8000, "[]"), array_of(8000, "{}"), array_of(8000, "\"\""), array_of(2, '"' + controls + '"'),
          array_of(100, keys + "}")};
}

TEST(TwinSize, WhatIsHeldIsBoundedWhateverTheValuesAre) {
  for (const std::string& value : values_that_count_nothing()) {
    Twin reported = make_twin(created), desired = make_twin(created), tagged = make_twin(created);
    std::optional<Errc> refused_reported, refused_desired, refused_tags;
    for (int i = 0; i < 12; ++i) {
      const std::string member = property("k" + std::to_string(i), value);
      if (auto after = apply_reported_patch(reported, member, {}, later)) {
        reported = *after;
      } else {
        refused_reported = after.error().code;
      }
      if (auto after = apply_service_patch(desired, desired_body(member), later)) {
        desired = after->after;
      } else {
        refused_desired = after.error().code;
      }
      if (auto after = apply_service_patch(tagged, tags_body(member), later)) {
        tagged = after->after;
      } else {
        refused_tags = after.error().code;
      }
    }
    const std::string start = value.substr(0, 20);
    EXPECT_LE(reported.reported.text.size(), 256U * 1024) << start;
    EXPECT_LE(desired.desired.text.size(), 256U * 1024) << start;
    EXPECT_LE(tagged.tags.size(), 64U * 1024) << start;
    for (const auto& refused : {refused_reported, refused_desired, refused_tags})
      EXPECT_EQ(refused, Errc::device_model_max_properties_exceeded) << start;
  }
}

TEST(TwinSize, AReplacementIsBoundedAsAPatchIs) {
  std::string section = "{";
  for (int i = 0; i < 12; ++i) section += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":" + array_of(8000, "[]");
  section += "}";
  const auto desired = apply_service_replace(make_twin(created), desired_body(section), later);
  ASSERT_FALSE(desired);
  EXPECT_EQ(desired.error().code, Errc::device_model_max_properties_exceeded);
  EXPECT_EQ(desired.error().detail, "'Properties.Desired' size should be at most 262144 bytes of JSON text.");
  const auto tags = apply_service_replace(make_twin(created), tags_body(section), later);
  ASSERT_FALSE(tags);
  EXPECT_EQ(tags.error().detail, "'Tags' size should be at most 65536 bytes of JSON text.");
}

TEST(TwinSize, ATextThatIsTooLongAlreadyMayShrink) {
  Twin twin = make_twin(created);
  twin.tags = property("old", array_of(100'000, "[]"));  // of before there was a bound
  twin.tags.insert(twin.tags.size() - 1, R"(,"small":"x")");
  twin.tags_size_bytes = 9;
  EXPECT_TRUE(apply_service_patch(twin, tags_body(R"({"small":null})"), later));
  EXPECT_FALSE(apply_service_patch(twin, tags_body(R"({"more":1})"), later));
  EXPECT_TRUE(apply_service_patch(twin, tags_body(R"({"old":null,"more":1})"), later));
}

TEST(TwinSize, ASectionThatIsTooLargeAlreadyMayShrink) {
  Twin twin = report(make_twin(created), R"({"big":{"x":"xxxxxxxxxx"},"small":1})");
  twin.reported.size_bytes = 40'000;  // as an older limit left it
  EXPECT_TRUE(apply_reported_patch(twin, R"({"small":null})", {}, later));
  EXPECT_FALSE(apply_reported_patch(twin, R"({"more":1})", {}, later));
}

}  // namespace
}  // namespace twinhub::twin
