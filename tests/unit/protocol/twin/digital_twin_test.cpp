// The digital twin: the documented examples, and what a patch of it does to desired properties.
#include "protocol/twin/digital_twin.hpp"

#include "twin_fixture.hpp"

namespace twinhub::twin {
namespace {

ServiceUpdate patch_digital(const Twin& before, std::string_view operations) {
  return value_of(apply_digital_twin_patch(before, operations, much_later));
}
std::string desired_after(const Twin& before, std::string_view operations) {
  return patch_digital(before, operations).after.desired.text;
}
Errc error_of(const Twin& before, std::string_view operations) {
  const auto result = apply_digital_twin_patch(before, operations, much_later);
  return result ? Errc{} : result.error().code;
}

TEST(DigitalTwinView, ADeviceThatSaidNothingHasAModelAtMost) {
  Twin twin = make_twin(created);
  EXPECT_EQ(digital_twin_view(twin, "d\"1"), R"({"$dtId":"d\"1","$metadata":{"$model":""}})");
  twin.model_id = "dtmi:com:example:Thermostat;1";
  EXPECT_EQ(digital_twin_view(twin, "d1"), R"({"$dtId":"d1","$metadata":{"$model":"dtmi:com:example:Thermostat;1"}})");
}

// azure-docs concepts-digital-twin, "Digital twin example".
TEST(DigitalTwinView, TheDocumentedExample) {
  Twin twin = with_desired(R"({"thermostat1":{"__t":"c","targetTemperature":21.8}})");
  twin.model_id = "dtmi:com:example:TemperatureController;1";
  twin = report(twin, R"({"serialNumber":"alwinexlepaho8329","thermostat1":{"maxTempSinceLastReboot":25.3,"__t":"c",)"
                      R"("targetTemperature":{"value":21.8,"ac":200,"ad":"Successfully executed patch","av":4}}})");
  EXPECT_EQ(digital_twin_view(twin, "sample-device"),
            R"({"$dtId":"sample-device","serialNumber":"alwinexlepaho8329",)"
            R"("thermostat1":{"maxTempSinceLastReboot":25.3,"targetTemperature":21.8,"$metadata":{)"
            R"("maxTempSinceLastReboot":{"lastUpdateTime":"1970-01-01T00:00:02Z"},)"
            R"("targetTemperature":{"desiredValue":21.8,"desiredVersion":2,"ackVersion":4,"ackCode":200,)"
            R"("ackDescription":"Successfully executed patch","lastUpdateTime":"1970-01-01T00:00:02Z"}}},)"
            R"("$metadata":{"$model":"dtmi:com:example:TemperatureController;1",)"
            R"("serialNumber":{"lastUpdateTime":"1970-01-01T00:00:02Z"}}})");
}

// azure-docs concepts-digital-twin, "Writable property": the device has reported another value than the desired one.
TEST(DigitalTwinView, AWritablePropertyShowsWhatIsReportedAndWhatIsDesired) {
  Twin twin = with_desired(R"({"fanSpeed":2.0})");
  EXPECT_EQ(digital_twin_view(twin, "d"),
            R"({"$dtId":"d","$metadata":{"$model":"","fanSpeed":{"desiredValue":2.0,"desiredVersion":2}}})");
  twin = report(twin, R"({"fanSpeed":{"value":3.0,"ac":200,"av":1}})");
  EXPECT_EQ(digital_twin_view(twin, "d"),
            R"({"$dtId":"d","fanSpeed":3.0,"$metadata":{"$model":"","fanSpeed":{"desiredValue":2.0,"desiredVersion":2,)"
            R"("ackVersion":1,"ackCode":200,"lastUpdateTime":"1970-01-01T00:00:02Z"}}})");
}

TEST(DigitalTwinView, TimesAndVersionsAreThoseOfTheProperty) {
  Twin twin = with_desired(R"({"a":{"x":{"y":1},"z":[1,{"q":1}]},"b":1,"c":{"__t":"c","d":[{"e":1}],"f":1}})");
  twin = patch(twin, desired_body(R"({"c":{"f":2}})")).after;
  twin = report(twin, R"({"m":{"x":{"y":[1,2]}},"n":[{"o":1},2],"k":{"__t":"c","p":{"q":1},"r":1}})", created);
  twin = report(twin, R"({"k":{"r":2}})", much_later);
  const std::string view = digital_twin_view(twin, "d");
  EXPECT_NE(view.find(R"("b":{"desiredValue":1,"desiredVersion":2})"), std::string::npos) << view;
  EXPECT_NE(view.find(R"("f":{"desiredValue":2,"desiredVersion":3})"), std::string::npos) << view;
  EXPECT_NE(view.find(R"("p":{"lastUpdateTime":"1970-01-01T00:00:01Z"})"), std::string::npos) << view;
  EXPECT_NE(view.find(R"("r":{"lastUpdateTime":"1970-01-01T00:00:03Z"})"), std::string::npos) << view;
  EXPECT_NE(view.find(R"("n":{"lastUpdateTime":"1970-01-01T00:00:01Z"})"), std::string::npos) << view;
}

TEST(DigitalTwinView, AnObjectThatAcknowledgesNothingIsAValue) {
  const Twin twin = report(make_twin(created), R"({"p":{"value":1},"q":{"ac":200,"av":1},"r":{"__t":"x"}})");
  const std::string view = digital_twin_view(twin, "d");
  EXPECT_NE(view.find(R"("p":{"value":1})"), std::string::npos) << view;
  EXPECT_NE(view.find(R"("q":{"ac":200,"av":1})"), std::string::npos) << view;
  EXPECT_NE(view.find(R"("r":{"__t":"x"})"), std::string::npos) << view;
}

TEST(DigitalTwinPatch, PropertiesAreAddedReplacedAndRemoved) {
  const Twin empty = make_twin(created);
  EXPECT_EQ(desired_after(empty, R"([{"op":"add","path":"/p","value":42}])"), R"({"p":42})");
  const Twin twin = with_desired(R"({"p":1,"q":"x"})");
  EXPECT_EQ(desired_after(twin, R"([{"op":"replace","path":"/p","value":2},{"op":"remove","path":"/q"}])"),
            R"({"p":2})");
  EXPECT_EQ(desired_after(twin, R"([{"op":"add","path":"/p","value":"again"}])"), R"({"p":"again","q":"x"})");
}

TEST(DigitalTwinPatch, TheDeviceHearsOfIt) {
  const auto update = patch_digital(with_desired(R"({"p":1,"q":{"a":1,"b":2}})"),
                                    R"([{"op":"replace","path":"/q","value":{"b":3}},{"op":"remove","path":"/p"}])");
  EXPECT_TRUE(update.changed);
  EXPECT_EQ(update.desired_delta.value_or(""), R"({"q":{"b":3,"a":null},"p":null,"$version":3})");
  EXPECT_EQ(update.after.desired.version, 3U);
  EXPECT_EQ(update.after.etag_counter, 3U);
}

TEST(DigitalTwinPatch, APropertyOfAComponentCarriesTheComponentsMarker) {
  const Twin empty = make_twin(created);
  const auto update = patch_digital(empty, R"([{"op":"add","path":"/thermostat1/targetTemperature","value":21.4}])");
  EXPECT_EQ(update.after.desired.text, R"({"thermostat1":{"__t":"c","targetTemperature":21.4}})");
  const Twin twin = with_desired(R"({"t1":{"__t":"c","a":1,"b":2}})");
  EXPECT_EQ(desired_after(twin, R"([{"op":"replace","path":"/t1/a","value":3}])"), R"({"t1":{"__t":"c","a":3,"b":2}})");
  EXPECT_EQ(desired_after(twin, R"([{"op":"remove","path":"/t1/a"}])"), R"({"t1":{"__t":"c","b":2}})");
  // The last property takes its component along.
  EXPECT_EQ(desired_after(twin, R"([{"op":"remove","path":"/t1/a"},{"op":"remove","path":"/t1/b"}])"), "{}");
}

TEST(DigitalTwinPatch, AComponentIsReplacedAsAWhole) {
  const Twin twin = with_desired(R"({"t1":{"__t":"c","a":1,"b":{"x":1,"y":2}}})");
  const auto update =
      patch_digital(twin, R"([{"op":"replace","path":"/t1","value":{"b":{"y":3},"c":4,"$metadata":{}}}])");
  EXPECT_EQ(update.after.desired.text, R"({"t1":{"__t":"c","b":{"y":3},"c":4}})");
  EXPECT_EQ(desired_after(twin, R"([{"op":"remove","path":"/t1"}])"), "{}");
  EXPECT_EQ(desired_after(make_twin(created), R"([{"op":"add","path":"/t1","value":{"a":1,"$metadata":{}}}])"),
            R"({"t1":{"__t":"c","a":1}})");
}

TEST(DigitalTwinPatch, OperationsSeeWhatTheOnesBeforeThemDid) {
  const Twin empty = make_twin(created);
  EXPECT_EQ(desired_after(empty, R"([{"op":"add","path":"/p","value":1},{"op":"replace","path":"/p","value":2}])"),
            R"({"p":2})");
  EXPECT_EQ(desired_after(empty, R"([{"op":"add","path":"/t/a","value":1},{"op":"add","path":"/t/b","value":2},)"
                                 R"({"op":"remove","path":"/t/a"}])"),
            R"({"t":{"__t":"c","b":2}})");
  EXPECT_EQ(error_of(empty, R"([{"op":"add","path":"/p","value":1},{"op":"remove","path":"/p"},)"
                            R"({"op":"replace","path":"/p","value":2}])"),
            Errc::invalid_digital_twin_patch);
}

TEST(DigitalTwinPatch, WhatTheDeviceReportsIsThereToBeReplaced) {
  const Twin twin = report(make_twin(created), R"({"p":1,"t":{"__t":"c","a":1}})");
  EXPECT_EQ(desired_after(twin, R"([{"op":"replace","path":"/p","value":2},{"op":"replace","path":"/t/a","value":2}])"),
            R"({"p":2,"t":{"__t":"c","a":2}})");
  EXPECT_EQ(desired_after(twin, R"([{"op":"remove","path":"/p"}])"), "{}");
}

TEST(DigitalTwinPatch, AnEmptyPatchChangesNothing) {
  const Twin twin = with_desired(R"({"p":1})");
  const auto update = patch_digital(twin, "[]");
  EXPECT_EQ(update.after.desired.text, R"({"p":1})");
}

TEST(DigitalTwinPatch, WhatIsNoPatchIsRefused) {
  const Twin twin = with_desired(R"({"p":1})");
  EXPECT_EQ(error_of(twin, "["), Errc::iot_hub_format_error);
  for (const char* body : {"{}",
                           "null",
                           "[1]",
                           "[{}]",
                           R"([{"op":"add","path":"/p"}])",
                           R"([{"op":"add","path":"/p","value":null}])",
                           R"([{"op":"add","value":1}])",
                           R"([{"path":"/p","value":1}])",
                           R"([{"op":"test","path":"/p","value":1}])",
                           R"([{"op":"move","from":"/p","path":"/q"}])",
                           R"([{"op":"copy","from":"/p","path":"/q"}])",
                           R"([{"op":"add","path":"","value":{}}])",
                           R"([{"op":"add","path":"p","value":1}])",
                           R"([{"op":"add","path":"/","value":1}])",
                           R"([{"op":"add","path":"/p/","value":1}])",
                           R"([{"op":"add","path":"/a/b/c","value":1}])",
                           R"([{"op":"add","path":"/$metadata","value":1}])",
                           R"([{"op":"add","path":"/a~1b","value":1}])",
                           R"([{"op":"add","path":"/1a","value":1}])",
                           R"([{"op":"add","path":"/_a","value":1}])",
                           R"([{"op":"add","path":"/a_","value":1}])",
                           R"([{"op":"add","path":"/t/__t","value":1}])",
                           R"([{"op":"add","path":"/a b","value":1}])",
                           R"([{"op":"remove","path":"/missing"}])",
                           R"([{"op":"replace","path":"/missing","value":1}])",
                           R"([{"op":"add","path":"/t","value":{"a":1,"$metadata":{"x":1}}}])",
                           R"([{"op":"add","path":"/t","value":{"1a":1,"$metadata":{}}}])"}) {
    EXPECT_EQ(error_of(twin, body), Errc::invalid_digital_twin_patch) << body;
  }
  EXPECT_EQ(error_of(twin, R"([{"op":"add","path":"/)" + std::string(65, 'a') + R"(","value":1}])"),
            Errc::invalid_digital_twin_patch);
}

TEST(DigitalTwinPatch, WhatIsKeptInAnotherShapeIsNotOverwritten) {
  const Twin twin = with_desired(R"({"object":{"a":1},"component":{"__t":"c","a":1}})");
  for (const char* body :
       {R"([{"op":"add","path":"/object/a","value":2}])",
        R"([{"op":"add","path":"/object","value":{"a":2,"$metadata":{}}}])",
        R"([{"op":"add","path":"/component","value":{"a":2}}])", R"([{"op":"add","path":"/component","value":5}])"}) {
    EXPECT_EQ(error_of(twin, body), Errc::argument_invalid) << body;
  }
}

TEST(DigitalTwinPatch, TheTwinsLimitsHold) {
  const std::string large = '"' + std::string(4097, 'x') + '"';
  EXPECT_EQ(error_of(make_twin(created), R"([{"op":"add","path":"/p","value":)" + large + "}]"),
            Errc::argument_invalid);
}

}  // namespace
}  // namespace twinhub::twin
