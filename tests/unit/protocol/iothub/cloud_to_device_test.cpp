// The topic of a cloud-to-device message, read back by the habits of each SDK's parser.
#include "protocol/iothub/cloud_to_device.hpp"

#include <gtest/gtest.h>
#include <map>

namespace twinhub::iothub {
namespace {

std::string topic_of(const CloudToDeviceMessage& message, std::string_view device = "dev") {
  std::string topic;
  append_device_bound_topic(topic, device, message);
  return topic;
}

CloudToDeviceMessage full_message() {
  CloudToDeviceMessage message;
  message.message_id = "m-1";
  message.correlation_id = "c/1";
  message.user_id = "u 1";
  message.content_type = "application/json; charset=utf-8";
  message.content_encoding = "utf-8";
  message.to = "/devices/dev/messages/deviceBound";
  message.acknowledgement = Acknowledgement::positive;
  message.expiry = timestamp_from_unix(1'800'000'000);
  message.properties = {{"a b", "x/y"}, {"$k", "="}, {"&", "%41"}, {"\xC3\xBC", "\xE2\x82\xAC+"}, {"empty", ""}};
  return message;
}

using Properties = std::map<std::string, std::string>;

/// azure-iot-device-mqtt mqtt.js: the fifth part between slashes, '&', '=', decodeURIComponent on both sides.
Properties as_node_reads(const std::string& topic) {
  std::string rest = topic;
  for (int part = 0; part < 4; ++part) rest = rest.substr(rest.find('/') + 1);
  rest = rest.substr(0, rest.find('/'));
  Properties found;
  while (!rest.empty()) {
    const std::string pair = rest.substr(0, rest.find('&'));
    rest = pair.size() == rest.size() ? "" : rest.substr(pair.size() + 1);
    const std::size_t equals = pair.find('=');
    const std::string value = equals == std::string::npos ? "undefined" : pair.substr(equals + 1);
    found[percent_decode(pair.substr(0, equals))] = percent_decode(value.substr(0, value.find('=')));
  }
  return found;
}

TEST(DeviceBoundTopic, NodeAndPythonReadEveryCharacterBack) {
  const Properties found = as_node_reads(topic_of(full_message()));
  EXPECT_EQ(found, (Properties{{"$.mid", "m-1"},
                               {"$.cid", "c/1"},
                               {"$.uid", "u 1"},
                               {"$.to", "/devices/dev/messages/deviceBound"},
                               {"$.ct", "application/json; charset=utf-8"},
                               {"$.ce", "utf-8"},
                               {"$.exp", "2027-01-15T08:00:00Z"},
                               {"iothub-ack", "positive"},
                               {"a b", "x/y"},
                               {"$k", "="},
                               {"&", "%41"},
                               {"\xC3\xBC", "\xE2\x82\xAC+"},
                               {"empty", ""}}));
}

TEST(DeviceBoundTopic, CComparesSystemNamesInTheirEncodedForm) {
  const std::string topic = topic_of(full_message());
  for (const char* name : {"%24.mid=", "%24.cid=", "%24.uid=", "%24.to=", "%24.ct=", "%24.ce=", "%24.exp="}) {
    EXPECT_NE(topic.find(name), std::string::npos) << name;
  }
}

TEST(DeviceBoundTopic, JavaStartsAtTheFirstEncodedDollarSoSystemPropertiesStandFirst) {
  const std::string topic = topic_of(full_message());
  EXPECT_TRUE(topic.starts_with("devices/dev/messages/devicebound/%24."));
  EXPECT_LT(topic.find("%24.exp"), topic.find("a%20b"));
}

TEST(DeviceBoundTopic, GoAndCSharpAlwaysFindAProperty) {
  CloudToDeviceMessage message;
  message.to = device_bound_address("dev");
  EXPECT_EQ(topic_of(message), "devices/dev/messages/devicebound/%24.to=%2Fdevices%2Fdev%2Fmessages%2FdeviceBound");
}

TEST(DeviceBoundTopic, NothingThatASplitterCouldTripOverIsLeftInTheBag) {
  const std::string topic = topic_of(full_message());
  const std::string bag = topic.substr(std::string("devices/dev/messages/devicebound/").size());
  EXPECT_EQ(bag.find_first_of("/+?# "), std::string::npos) << bag;
  EXPECT_NE(bag.back(), '&');
}

TEST(DeviceBoundTopic, ANullValueHasNoEqualsSign) {
  CloudToDeviceMessage message;
  message.to = "t";
  message.properties = {{"null", std::nullopt}, {"empty", ""}};
  EXPECT_EQ(topic_of(message), "devices/dev/messages/devicebound/%24.to=t&null&empty=");
}

TEST(DeviceBoundTopic, TheDeviceStandsInItAsItIsAndInTheAddressEncoded) {
  CloudToDeviceMessage message;
  message.to = device_bound_address("a%b$c#");
  EXPECT_EQ(message.to, "/devices/a%25b%24c%23/messages/deviceBound");
  EXPECT_TRUE(topic_of(message, "a%b$c#").starts_with("devices/a%b$c#/messages/devicebound/"));
}

TEST(CloudToDeviceMessage, AcknowledgementsHaveFourNames) {
  EXPECT_EQ(parse_acknowledgement(""), Acknowledgement::none);
  EXPECT_EQ(parse_acknowledgement("None"), Acknowledgement::none);
  EXPECT_EQ(parse_acknowledgement("positive"), Acknowledgement::positive);
  EXPECT_EQ(parse_acknowledgement("NEGATIVE"), Acknowledgement::negative);
  EXPECT_EQ(parse_acknowledgement("full"), Acknowledgement::full);
  EXPECT_EQ(parse_acknowledgement("fullest"), std::nullopt);
  EXPECT_EQ(parse_acknowledgement("ful"), std::nullopt);
}

TEST(CloudToDeviceMessage, SizeCountsBodyAndProperties) {
  CloudToDeviceMessage message;
  message.properties = {{"name", "value"}};
  message.body = std::string(cloud_to_device_bytes_max - 9, 'x');
  EXPECT_TRUE(check(message, "dev"));
  message.body += 'x';
  EXPECT_EQ(check(message, "dev").error().code, Errc::message_too_large);
}

TEST(CloudToDeviceMessage, IdsAreShortAndTextIsUtf8) {
  CloudToDeviceMessage message;
  message.message_id = std::string(128, 'x');
  EXPECT_TRUE(check(message, "dev"));
  message.message_id += 'x';
  EXPECT_EQ(check(message, "dev").error().code, Errc::argument_invalid);
  for (const char* bad : {"\x80", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    message = {};
    message.content_type = bad;
    EXPECT_EQ(check(message, "dev").error().code, Errc::argument_invalid) << bad;
  }
}

}  // namespace
}  // namespace twinhub::iothub
