#include "server/events/topic_template.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twinhub::events {
namespace {

storage::Event event_of(storage::EventSource source, IdentityId id) {
  storage::Event event;
  event.source = source;
  event.id = std::move(id);
  event.application = {{"opType", "updateTwin"}};
  return event;
}

std::string topic(std::string_view text, const storage::Event& event) {
  return TopicTemplate::parse(text)->topic_of(event, "my/hub");
}

TEST(TopicTemplate, TheDefaultTellsSourceAndIdentity) {
  using storage::EventSource;
  constexpr std::string_view usual = "{hub}/{identity}/{channel}";
  EXPECT_EQ(topic(usual, event_of(EventSource::telemetry, {"d", ""})), "my/hub/devices/d/messages/events");
  EXPECT_EQ(topic(usual, event_of(EventSource::twin_change, {"d", "m"})), "my/hub/devices/d/modules/m/twin/changes");
  EXPECT_EQ(topic(usual, event_of(EventSource::device_lifecycle, {"d", ""})), "my/hub/devices/d/lifecycle");
  EXPECT_EQ(topic(usual, event_of(EventSource::connection_state, {"d", ""})), "my/hub/devices/d/connectionState");
}

TEST(TopicTemplate, EveryPlaceholderIsReplacedAndWhatHasAMeaningInTopicsIsEncodedInIds) {
  const auto event = event_of(storage::EventSource::twin_change, {"a+b#c%$", "m"});
  EXPECT_EQ(topic("x/{deviceId}/{moduleId}/{source}/{opType}", event),
            "x/a%2Bb%23c%25%24/m/TwinChangeEvents/updateTwin");
}

TEST(TopicTemplate, WhatIsNoTopicIsRefused) {
  for (const char* wrong :
       {"", "a/+", "#", "a/{device}", "a/{deviceId", "a/deviceId}", "a/\x01", "a/\xC2\x9B", "\xFF/{deviceId}"})
    EXPECT_FALSE(TopicTemplate::parse(wrong)) << wrong;
  EXPECT_THAT(TopicTemplate::parse("{device}").error().detail, ::testing::HasSubstr("{deviceId}"));
}

}  // namespace
}  // namespace twinhub::events
