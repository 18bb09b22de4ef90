#include "protocol/iothub/device_topics.hpp"

#include <gtest/gtest.h>

namespace twinhub::iothub {
namespace {

const IdentityId device{"dev1", ""};
const IdentityId module{"dev1", "mod1"};

template <class T>
std::optional<T> parsed(std::string_view topic, const IdentityId& self = device) {
  const auto found = parse_device_topic(topic, self);
  if (!found || !std::holds_alternative<T>(*found)) return std::nullopt;
  return std::get<T>(*found);
}

TEST(DeviceTopics, TelemetryWithEveryFormOfPropertyBag) {
  for (const auto& [topic, bag] : {std::pair{"devices/dev1/messages/events", ""},
                                   {"devices/dev1/messages/events/", ""},
                                   {"devices/dev1/messages/events//", ""},
                                   {"devices/dev1/messages/events/a=1&b=2", "a=1&b=2"},
                                   {"devices/dev1/messages/events/?a=1", "?a=1"},
                                   {"devices/dev1/messages/events/LWT", "LWT"},
                                   {"devices/dev1/messages/events/a=1/", "a=1"},
                                   {"devices/dev1/messages/events/%24.ct=application/json", "%24.ct=application/json"},
                                   {"devices/dev1/messages/events/a key=a value&b= ", "a key=a value&b= "}}) {
    const auto telemetry = parsed<TelemetryTopic>(topic);
    ASSERT_TRUE(telemetry) << topic;
    EXPECT_EQ(telemetry->property_bag, bag) << topic;
  }
  EXPECT_TRUE(parsed<TelemetryTopic>("devices/dev1/modules/mod1/messages/events/", module));
}

TEST(DeviceTopics, TwinRequestsGiveTheRidByteForByte) {
  EXPECT_EQ(parsed<TwinGetTopic>("$iothub/twin/GET/?$rid=a%20b-1")->rid, "a%20b-1");
  const auto patch = parsed<TwinReportedTopic>("$iothub/twin/PATCH/properties/reported/?$rid=1&$version=7");
  ASSERT_TRUE(patch);
  EXPECT_EQ(patch->rid, "1");
  EXPECT_EQ(patch->version, "7");
  EXPECT_EQ(parsed<TwinReportedTopic>("$iothub/twin/PATCH/properties/reported/?$version=7&$rid=x")->rid, "x");
  EXPECT_EQ(parsed<TwinReportedTopic>("$iothub/twin/PATCH/properties/reported/")->rid, "");
  EXPECT_FALSE(parsed<TwinReportedTopic>("$iothub/twin/PATCH/properties/reported/?$rid=1")->version);
}

TEST(DeviceTopics, MethodResponses) {
  const auto response = parsed<MethodResponseTopic>("$iothub/methods/res/-1/?$rid=f");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, "-1");
  EXPECT_EQ(response->rid, "f");
}

TEST(DeviceTopics, OthersAreNotServed) {
  for (const char* topic : {"",
                            "foo/bar",
                            "$SYS/x",
                            "$iothub/bogus",
                            "$iothub/twin/",
                            "$iothub/twin/GET/",
                            "$iothub/twin/GET/?$rid=",
                            "$iothub/twin/GET/$rid=1",
                            "$iothub/twin/GET",
                            "$iothub/twin/PATCH/properties/desired/?$rid=1",
                            "$iothub/twin/PATCH/properties/reported/x",
                            "$iothub/twin/res/200/?$rid=1",
                            "$iothub/methods/res/?$rid=1",
                            "$iothub/methods/POST/x/?$rid=1",
                            "devices/dev2/messages/events/",
                            "devices/dev1x/messages/events/",
                            "devices/dev1/messages/eventsx",
                            "devices/dev1/messages/events/level/a=1",
                            "devices/dev1/messages/devicebound/",
                            "devices/dev1/modules/mod1/messages/events/",
                            "devices/Dev1/messages/events/",
                            "DEVICES/dev1/messages/events/"}) {
    EXPECT_FALSE(parse_device_topic(topic, device)) << topic;
  }
  EXPECT_FALSE(parse_device_topic("devices/dev1/messages/events/", module));
  EXPECT_FALSE(parse_device_topic("devices/dev1/modules/mod2/messages/events/", module));
}

TEST(DeviceTopics, WildcardsCloseTheConnection) {
  for (const char* topic :
       {"devices/dev1/messages/events/x=+1", "devices/dev1/messages/events/#", "devices/dev1/messages/events/+",
        "devices/dev1/messages/events/a#b=1", "devices/+/messages/events/", "$iothub/twin/GET/?$rid=1+1",
        "$iothub/twin/GET/?$rid=#", "$iothub/twin/PATCH/properties/reported/?$rid=+",
        "$iothub/methods/res/200/?$rid=1#", "$iothub/methods/res/+/?$rid=1"}) {
    EXPECT_FALSE(parse_device_topic(topic, device)) << topic;
  }
  EXPECT_TRUE(parsed<TelemetryTopic>("devices/dev1/messages/events/x=%2B1"));
}

TEST(DeviceTopics, IdsAreLiteralTextNeverPatterns) {
  for (const char* id : {"d%41", "d#", "d+", "d?", "$d", "+"}) {
    const IdentityId self{id, ""};
    EXPECT_TRUE(parse_device_topic("devices/" + std::string(id) + "/messages/events/", self)) << id;
    EXPECT_FALSE(parse_device_topic("devices/dA/messages/events/", self)) << id;
  }
}

TEST(TopicFilters, NameFeatures) {
  const std::pair<const char*, FilterKind> cases[] = {
      {"devices/dev1/messages/devicebound/#", FilterKind::cloud_to_device},
      {"devices/+/messages/devicebound/#", FilterKind::cloud_to_device},
      {"$iothub/twin/res/#", FilterKind::twin_responses},
      {"$iothub/twin/PATCH/properties/desired/#", FilterKind::desired_changes},
      {"$iothub/methods/POST/#", FilterKind::methods},
      {"$iothub/methods/POST/reboot/#", FilterKind::methods},
  };
  for (const auto& [filter, kind] : cases) EXPECT_EQ(parse_topic_filter(filter, device), kind) << filter;
  for (const char* filter : {"devices/dev1/modules/mod1/#", "devices/dev1/modules/mod1/inputs/#",
                             "devices/dev1/modules/mod1/messages/devicebound/#"}) {
    EXPECT_EQ(parse_topic_filter(filter, module), FilterKind::module_inputs) << filter;
  }
}

TEST(TopicFilters, OthersAreRefused) {
  for (const char* filter : {"#", "+/#", "+", "devices/other/messages/devicebound/#", "devices/#", "devices/dev1/#",
                             "$iothub/#", "$iothub/twin/#", "$iothub/twin/res/200", "$iothub/methods/POST/+/#",
                             "$iothub/methods/POST/a/b/#", "devices/dev1/modules/mod1/#"}) {
    EXPECT_FALSE(parse_topic_filter(filter, device)) << filter;
  }
  EXPECT_FALSE(parse_topic_filter("devices/+/messages/devicebound/#", module));
  const std::string longest(method_name_bytes_max, 'm');
  EXPECT_TRUE(parse_topic_filter("$iothub/methods/POST/" + longest + "/#", device));
  EXPECT_FALSE(parse_topic_filter("$iothub/methods/POST/" + longest + "m/#", device));  // sessions are kept
}

TEST(TopicFilters, OfMethodsTakeAllOrOne) {
  EXPECT_TRUE(filter_takes_method("$iothub/methods/POST/#", "reboot"));
  EXPECT_TRUE(filter_takes_method("$iothub/methods/POST/reboot/#", "reboot"));
  EXPECT_TRUE(filter_takes_method("$iothub/methods/POST/t1*reboot/#", "t1*reboot"));
  for (const char* other : {"rebo", "reboots", "Reboot", "reboot/", "", "#"}) {
    EXPECT_FALSE(filter_takes_method("$iothub/methods/POST/reboot/#", other)) << other;
  }
  EXPECT_FALSE(filter_takes_method("$iothub/twin/res/#", "reboot"));
}

TEST(HubTopics, AreExactlyWhatSdksParse) {
  std::string out;
  append_twin_response_topic(out, 204, "1", 6);
  EXPECT_EQ(out, "$iothub/twin/res/204/?$rid=1&$version=6");
  out.clear();
  append_twin_response_topic(out, 200, "a%20b");
  EXPECT_EQ(out, "$iothub/twin/res/200/?$rid=a%20b");
  out.clear();
  append_desired_topic(out, 18446744073709551615U);
  EXPECT_EQ(out, "$iothub/twin/PATCH/properties/desired/?$version=18446744073709551615");
  out.clear();
  append_method_topic(out, "reboot", 17);
  EXPECT_EQ(out, "$iothub/methods/POST/reboot/?$rid=17");
}

}  // namespace
}  // namespace twinhub::iothub
