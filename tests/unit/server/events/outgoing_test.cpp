// The JSON form of an event, and its CloudEvent.
#include "server/events/outgoing.hpp"

#include "protocol/json/document.hpp"
#include "server/events/cloud_event.hpp"

#include <gtest/gtest.h>

namespace twinhub::events {
namespace {

Outgoing outgoing(std::string body, std::vector<iothub::Property> system = {}) {
  Outgoing made{2, 7, {}};
  made.event.id = {"d", ""};
  made.event.enqueued = timestamp_from_unix(1'795'000'000);
  made.event.system = std::move(system);
  made.event.body = std::move(body);
  return made;
}

std::string json_of(const Outgoing& event) {
  std::string text;
  append_json(text, event);
  EXPECT_TRUE(json::parse(text)) << text;
  return text;
}

const std::vector<iothub::Property> json_content{{"content-type", "application/json; charset=utf-8"},
                                                 {"content-encoding", "UTF-8"}};

TEST(EventJson, ABodyThatSaysJsonAndIsStandsAsJson) {
  EXPECT_EQ(json_of(outgoing("{ \"t\" : 1.0 }", {{"content-type", "application/json"}})),
            R"({"partition":2,"sequenceNumber":7,"source":"DeviceMessages","deviceId":"d",)"
            R"("enqueuedTime":"2026-11-18T11:06:40Z","systemProperties":{"content-type":"application/json"},)"
            R"("properties":{},"body":{"t":1.0}})");
  EXPECT_NE(json_of(outgoing("[1]", json_content)).find(R"("body":[1]})"), std::string::npos);
}

TEST(EventJson, OtherTextIsAStringAndOtherBytesAreBase64) {
  EXPECT_NE(json_of(outgoing("{\"t\":1}")).find(R"("body":"{\"t\":1}")"), std::string::npos);
  EXPECT_NE(json_of(outgoing("{broken", json_content)).find(R"("body":"{broken")"), std::string::npos);
  EXPECT_NE(json_of(outgoing(std::string("\xFF\x00\x01", 3), json_content)).find(R"("bodyBase64":"/wAB")"),
            std::string::npos);
  EXPECT_NE(json_of(outgoing("")).find(R"("body":"")"), std::string::npos);
}

TEST(EventJson, PropertiesMayHoldAnyBytes) {
  Outgoing event = outgoing("x");
  event.event.id.module = "m";
  event.event.application = {{"a\"b", "\xC3\xA9\n"}, {"bad\xFF", "\xFE"}, {"bare", std::nullopt}};
  const std::string text = json_of(event);
  EXPECT_NE(text.find(R"("moduleId":"m")"), std::string::npos);
  EXPECT_NE(text.find("\"properties\":{\"a\\\"b\":\"\xC3\xA9\\n\",\"bad\xEF\xBF\xBD\":\"\xEF\xBF\xBD\",\"bare\":null}"),
            std::string::npos)
      << text;
}

TEST(EventJson, TheHubsNameIsAddedToAllButDeviceMessages) {
  storage::Event event = outgoing("x").event;
  stamp_hub_name(event, "myhub");
  EXPECT_TRUE(event.application.empty());
  event.source = storage::EventSource::twin_change;
  stamp_hub_name(event, "myhub");
  ASSERT_EQ(event.application.size(), 1U);
  EXPECT_EQ(event.application[0].name, "hubName");
  EXPECT_EQ(system_property(event, "user-id"), "myhub");
}

TEST(CloudEvents, ConnectionStateHasItsEventGridForm) {
  Outgoing event = outgoing(R"({"sequenceNumber":"00AB"})", json_content);
  event.event.source = storage::EventSource::connection_state;
  event.event.application = {{"opType", "deviceDisconnected"}};
  std::string text;
  append_cloud_event(text, event, "myhub");
  EXPECT_EQ(text, R"({"specversion":"1.0","id":"2-7","source":"/myhub","type":"Microsoft.Devices.DeviceDisconnected",)"
                  R"("subject":"devices/d","time":"2026-11-18T11:06:40Z","datacontenttype":"application/json","data":{)"
                  R"("deviceId":"d","hubName":"myhub","opType":"deviceDisconnected",)"
                  R"("deviceConnectionStateEventInfo":{"sequenceNumber":"00AB"}}})");
}

}  // namespace
}  // namespace twinhub::events
