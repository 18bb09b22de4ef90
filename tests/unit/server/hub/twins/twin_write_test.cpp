// Each way of writing a twin: what enters the atomic unit, and what the device is to get afterwards.
#include "server/hub/twins/twin_write.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

const Timestamp now = timestamp_from_unix(1'800'000'000);
const TwinWrite write{d1, TwinAuthor::back_end, now};

/// What the event log shows of an event that a write has put into `change`.
storage::Event event_of(const storage::EntityChange& change, std::size_t index = 0) {
  std::string_view bytes = change.events.at(index).bytes;
  const auto decoded = storage::decode_event(bytes);
  EXPECT_TRUE(decoded);
  return *decoded;
}

TEST(TwinWrite, ANewTwinIsEmptyAndHasNoEventOfItsOwn) {
  storage::EntityChange change;
  put_new_twin(change, write);
  ASSERT_TRUE(change.twin);
  EXPECT_EQ(*change.twin, twin::make_twin(now));
  EXPECT_TRUE(change.events.empty());
}

TEST(TwinWrite, APatchPutsTwinAndEventAndGivesTheDelta) {
  const ServiceBody body(R"({"tags":{"t":1},"properties":{"desired":{"a":1}}})");
  const twin::Twin before = twin::make_twin(now);
  auto update = *twin::apply_service_patch(before, body.json(), now);
  const twin::Twin after = update.after;
  storage::EntityChange change;
  const DesiredDelta delta = put_patched(change, write, before, std::move(update), body.tags());
  EXPECT_EQ(*change.twin, after);
  ASSERT_EQ(change.events.size(), 1U);
  const storage::Event event = event_of(change);
  EXPECT_EQ(value_of(event.application, "opType"), "updateTwin");
  EXPECT_EQ(at(event.body, "tags"), R"({"t":1})");
  EXPECT_EQ(at(event.body, "properties/desired/a"), "1");
  ASSERT_TRUE(delta.text);
  EXPECT_EQ(*delta.text, R"({"a":1,"$version":2})");
  EXPECT_EQ(delta.version, 2U);
}

TEST(TwinWrite, APatchOfTagsAloneGivesNoDelta) {
  const ServiceBody body(R"({"tags":{"t":1}})");
  const twin::Twin before = twin::make_twin(now);
  storage::EntityChange change;
  const DesiredDelta delta =
      put_patched(change, write, before, *twin::apply_service_patch(before, body.json(), now), body.tags());
  EXPECT_EQ(change.events.size(), 1U);
  EXPECT_FALSE(delta.text);
  RecordingLinks links;
  storage::Outbox outbox;
  delta.send(d1, links, outbox);
  EXPECT_TRUE(links.deltas().empty());
}

TEST(TwinWrite, AReplacementIsAnEventOfItsOwnKind) {
  const ServiceBody body(R"({"properties":{"desired":{"a":1}}})");
  const twin::Twin before = twin::make_twin(now);
  storage::EntityChange change;
  const DesiredDelta delta =
      put_replaced(change, write, before, *twin::apply_service_replace(before, body.json(), now));
  EXPECT_EQ(value_of(event_of(change).application, "opType"), "replaceTwin");
  RecordingLinks links;
  storage::Outbox outbox;
  delta.send(d1, links, outbox);
  ASSERT_EQ(links.deltas().size(), 1U);
  EXPECT_EQ(links.deltas()[0].id, d1);
  EXPECT_EQ(links.deltas()[0].version, 2U);
  EXPECT_EQ(links.deltas()[0].text, R"({"a":1,"$version":2})");
}

TEST(TwinWrite, AReportedPatchPutsTwinAndEvent) {
  const twin::Twin before = twin::make_twin(now);
  storage::EntityChange change;
  put_reported(change, {d1, TwinAuthor::device, now}, before,
               *twin::apply_reported_patch(before, R"({"r":1})", std::nullopt, now), R"({"r":1})");
  EXPECT_EQ(change.twin->reported.text, R"({"r":1})");
  EXPECT_EQ(at(event_of(change).body, "properties/reported/r"), "1");
}

TEST(TwinWrite, AWriteWithoutEventPutsTheTwinAlone) {
  const twin::Twin before = twin::make_twin(now);
  twin::Twin after = before;
  after.model_id = "dtmi:x;1";
  storage::EntityChange change;
  put_without_event(change, write, before, std::move(after));
  EXPECT_EQ(change.twin->model_id, "dtmi:x;1");
  EXPECT_TRUE(change.events.empty());
}

TEST(TwinWrite, AStaleEtagIsRefusedInIotHubsWords) {
  const twin::Twin twin = twin::make_twin(now);
  EXPECT_TRUE(check_etag(twin, {}));
  EXPECT_TRUE(check_etag(twin, parse_if_match("\"AAAAAAAAAAE=\"")));
  const auto refused = check_etag(twin, parse_if_match("\"AAAAAAAAAAI=\""));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::precondition_failed);
  EXPECT_EQ(refused.error().detail, "PreconditionFailed, ETag may be invalid.");
}

TEST(TwinWrite, ABodyThatIsNoJsonIsRefusedAfterIfMatch) {
  World world;
  ASSERT_TRUE(world.put(d1));
  for (const char* body : {"", "{", R"({"tags":)", "[1]"}) {
    EXPECT_REFUSED(world.patch(d1, body, "\"AAAAAAAAAAI=\""), Errc::precondition_failed);
    EXPECT_REFUSED(world.replace(d1, body, "\"AAAAAAAAAAI=\""), Errc::precondition_failed);
    EXPECT_REFUSED(world.patch(d1, body), Errc::iot_hub_format_error);
    EXPECT_REFUSED(world.replace(d1, body), Errc::iot_hub_format_error);
    EXPECT_REFUSED(world.patch(m1, body), Errc::device_not_found);
  }
  const auto digital = [&](const char* body, std::optional<std::string> if_match) {
    return answer_of<Twins::Answer>(
        [&](auto done) { world.hub.twins.patch_digital("d1", body, header(if_match), std::move(done)); });
  };
  EXPECT_REFUSED(digital("[", "\"AAAAAAAAAAI=\""), Errc::precondition_failed);
  EXPECT_REFUSED(digital("[", std::nullopt), Errc::iot_hub_format_error);
  EXPECT_EQ(world.events(d1).size(), 1U) << "the creation alone";
}

}  // namespace
}  // namespace twinhub::hub
