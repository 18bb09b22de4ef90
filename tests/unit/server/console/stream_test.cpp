// What a stream sends: snapshots of what has changed, and events of the log with their ids.
#include "console_world.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace twinhub::console {
namespace {

struct Event {
  std::string id, name, data;
};

struct StreamTest : testing::Test, ConsoleWorld {
  void SetUp() override {
    log_in("iothubowner", 'A');
    for (const char* id : {"d1", "d2"}) ASSERT_TRUE(world.put({id, ""}));
  }
  void open(const std::string& body, Headers headers = {}) {
    const auto answer = send("POST", "/console/api/stream", body, std::move(headers));
    ASSERT_EQ(answer.status, 200U) << answer.body;
    auto opened = answer.stream();
    ASSERT_TRUE(opened) << opened.error().detail;
    source = std::move(*opened);
  }
  /// What comes at the next moment at which snapshots are made.
  std::vector<Event> read() {
    world.clock.advance_seconds(1);
    std::string text;
    while (true) {
      const auto more = source->read(text);
      EXPECT_TRUE(more);
      if (!more || !*more) break;
    }
    std::vector<Event> events;
    while (!text.empty()) {
      const std::size_t end = text.find("\n\n");
      Event& event = events.emplace_back();
      std::string block = text.substr(0, end + 1);
      while (!block.empty()) {
        const std::size_t line = block.find('\n'), colon = block.find(": ");
        auto& field = block[0] == 'i' ? event.id : block[0] == 'e' ? event.name : event.data;
        field = block.substr(colon + 2, line - colon - 2);
        block.erase(0, line + 1);
      }
      text.erase(0, end + 2);
      if (event.data.empty()) events.pop_back();  // where the log begins: an id, and no event (WHATWG HTML, 9.2.6)
    }
    return events;
  }
  std::string names() {
    std::string all;
    for (const Event& event : read()) all += event.name + " ";
    return all;
  }
  std::unique_ptr<ops::EventSource> source;
};

TEST_F(StreamTest, StatesComeAllAtFirstAndThenThoseThatChanged) {
  open(R"({"topics":["state"],"devices":["d1","d2","d3"]})");
  const auto first = read();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].name, "hello");
  EXPECT_EQ(hub::at(first[0].data, "topics"), R"(["state"])");
  EXPECT_NE(first[1].data.find(R"("deviceId":"d3","exists":false)"), std::string::npos) << first[1].data;
  EXPECT_EQ(names(), "");
  world.clock.advance_seconds(5);
  ASSERT_TRUE(world.patch({"d2", ""}, R"({"properties":{"desired":{"a":1}}})"));
  auto changed = read();
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0].data.find("\"d1\""), std::string::npos);
  EXPECT_NE(changed[0].data.find(R"("deviceId":"d2")"), std::string::npos);
  EXPECT_NE(changed[0].data.find(R"("drift":{"state":"pending","leaves":1)"), std::string::npos) << changed[0].data;
  ASSERT_TRUE(world.report({"d2", ""}, R"({"a":1})"));
  EXPECT_NE(read().at(0).data.find(R"("drift":{"state":"applied","leaves":0)"), std::string::npos);
  world.hub.presence.connected({"d1", ""});
  EXPECT_NE(read().at(0).data.find(R"("connectionState":"Connected")"), std::string::npos);
  ASSERT_TRUE(world.remove({"d2", ""}));
  EXPECT_NE(read().at(0).data.find(R"("deviceId":"d2","exists":false)"), std::string::npos);
}

TEST_F(StreamTest, SnapshotsAreMadeAtMostFiveTimesASecond) {
  open(R"({"topics":["state"],"devices":["d1"]})");
  (void)read();
  ASSERT_TRUE(world.patch({"d1", ""}, R"({"tags":{"a":1}})"));
  (void)read();
  ASSERT_TRUE(world.patch({"d1", ""}, R"({"tags":{"a":2}})"));
  std::string text;
  ASSERT_TRUE(source->read(text));
  EXPECT_EQ(text, "") << "just after the last";
  EXPECT_EQ(names(), "state ");
}

TEST_F(StreamTest, NoticesAndFiguresComeWhenThereAreNewOnes) {
  notices.note({.reason = Reason::signature_mismatch, .id = "d1"}, {.address = "10.0.0.1"});
  open(R"({"topics":["notices","figures"]})");
  const auto first = read();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_NE(first[1].data.find("signature_mismatch"), std::string::npos);
  EXPECT_EQ(names(), "");
  notices.note({.reason = Reason::unknown_device, .id = "d9"}, {.address = "10.0.0.1"});
  const auto next = read();
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].data.find("signature_mismatch"), std::string::npos) << "it was shown";
  figures.add(std::vector<ops::FiguresHistory::Sample>{{42}}, 1000, world.clock.wall());
  const auto newest = read();
  ASSERT_EQ(newest.size(), 1U);
  EXPECT_EQ(hub::at(newest[0].data, "values/connected"), "42");
}

TEST_F(StreamTest, EventsOfTheLogHaveIdsAndGoOnBehindTheLastOne) {
  open(R"({"topics":["events"],"device":"d1","sources":["TwinChangeEvents"]})");
  (void)read();
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(world.patch(hub::d1, R"({"tags":{"n":)" + std::to_string(n) + "}}"));
  ASSERT_TRUE(world.patch({"d2", ""}, R"({"tags":{"n":9}})"));
  const auto events = read();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].name, "TwinChangeEvents");
  open(R"({"topics":["events"],"device":"d1","sources":["TwinChangeEvents"]})", {{"Last-Event-ID", events[1].id}});
  const auto again = read();
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].name, "hello");
  EXPECT_EQ(again[1].data, events[2].data);
}

TEST_F(StreamTest, AStreamEndsWithItsSession) {
  open(R"({"topics":["figures"]})");
  (void)read();
  ASSERT_EQ(send("DELETE", "/console/api/session").status, 204U);
  std::string text;
  world.clock.advance_seconds(1);
  ASSERT_TRUE(source->read(text));
  EXPECT_EQ(text, "event: end\ndata: {\"why\":\"session\"}\n\n");
  EXPECT_FALSE(source->read(text));
}

TEST_F(StreamTest, ThePendingCountIsShownWhenItIsMade) {
  ASSERT_TRUE(world.patch(hub::d1, R"({"properties":{"desired":{"a":1}}})"));
  open(R"({"topics":["pending"]})");
  (void)read();  // has it made
  while (pending->ask().counting) std::this_thread::yield();
  const auto counted = read();
  ASSERT_EQ(counted.size(), 1U);
  EXPECT_EQ(hub::at(counted[0].data, "twins"), "2");
  EXPECT_EQ(hub::at(counted[0].data, "pending"), "1");
}

TEST(StreamRequest, AListOfTheQueryIsTakenApartBeforeItIsDecoded) {
  const auto request = parse_stream_query("topics=state,events&devices=a%2Cb,c&source=DeviceMessages&device=d%201");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->state && request->events && !request->figures);
  EXPECT_EQ(request->devices, (std::vector<std::string>{"a,b", "c"}));
  EXPECT_EQ(request->filter.device, "d 1");
  EXPECT_EQ(request->filter.sources.size(), 1U);
}

TEST(StreamRequest, WhatItDoesNotKnowIsRefused) {
  for (const char* query : {"", "topics=", "topics=all", "topics=events&source=x", "topics=events&colour=blue",
                            "topics=doctor", "topics=doctor&device=d&since=now"})
    EXPECT_FALSE(parse_stream_query(query)) << query;
  std::string many = R"({"topics":["state"],"devices":["d")";
  for (std::size_t i = 0; i < watched_devices_max; ++i) many += ",\"d\"";
  EXPECT_FALSE(parse_stream_body(many + "]}"));
  for (const char* body : {"", "[]", "{}", R"({"topics":"state","devices":{}})", R"({"topics":[["state"]]})"})
    EXPECT_FALSE(parse_stream_body(body)) << body;
  EXPECT_TRUE(parse_stream_body(R"({"topics":"state","device":null})"));
}

}  // namespace
}  // namespace twinhub::console
