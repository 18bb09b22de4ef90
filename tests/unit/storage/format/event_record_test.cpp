// Events as the log keeps them: what back ends read is what it was when every property and body was stored as text.
#include "storage/format/event_record.hpp"

#include "storage/format/bytes.hpp"
#include "tests/support/cpp/first_event_record.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <functional>
#include <random>
#include <utility>
#include <vector>

namespace twinhub::storage {
namespace {

using iothub::Property;
using testing::moment;
using Properties = std::vector<Property>;

std::string shown(const Properties& properties) {
  std::string text;
  for (const Property& property : properties) {
    text += property.name + (property.value ? "=" + *property.value : "") + '\n';
  }
  return text;
}

void expect_equal(const Event& read, const Event& expected) {
  EXPECT_EQ(read.source, expected.source);
  EXPECT_EQ(read.id, expected.id);
  EXPECT_EQ(read.enqueued, expected.enqueued);
  EXPECT_EQ(shown(read.system), shown(expected.system));
  EXPECT_EQ(shown(read.application), shown(expected.application));
  EXPECT_EQ(read.body, expected.body);
}

Event decoded(std::string_view bytes) {
  auto event = decode_event(bytes);
  EXPECT_TRUE(event);
  EXPECT_TRUE(bytes.empty());
  return event ? *event : Event{};
}

/// What stood in the log for a message when the hub sorted its properties before it stored them.
class StoredAsText {
 public:
  explicit StoredAsText(const TelemetryDraft& draft) {
    event_.source = EventSource::telemetry;
    event_.id = {std::string(draft.device), std::string(draft.module)};
    event_.enqueued = draft.enqueued;
    event_.body = draft.body;
    for (Property& property : iothub::parse_property_bag(draft.property_bag)) sort(std::move(property));
    set(event_.system, "iothub-connection-device-id", std::string(draft.device));
    if (!draft.module.empty()) set(event_.system, "iothub-connection-module-id", std::string(draft.module));
    const std::string scope = draft.authenticated.by_policy ? "hub" : draft.module.empty() ? "device" : "module";
    const std::string type = draft.authenticated.by_certificate ? "x509" : "sas";
    set(event_.system, "iothub-connection-auth-method",
        R"({"scope":")" + scope + R"(","type":")" + type + R"(","issuer":"iothub","acceptingIpFilterRule":null})");
    set(event_.system, "iothub-connection-auth-generation-id", std::string(draft.generation_id));
    set(event_.system, "iothub-message-source", "Telemetry");
    if (!draft.model_id.empty()) set(event_.system, "dt-dataschema", std::string(draft.model_id));
    if (draft.retain) set(event_.application, "mqtt-retain", "true");
    if (draft.dup) set(event_.application, "mqtt-dup", "true");
    if (draft.is_will) set(event_.application, "iothub-MessageType", "Will");
  }
  [[nodiscard]] const Event& event() const { return event_; }

  inline static const std::vector<std::pair<std::string, std::string>> names{{"$.mid", "message-id"},
                                                                             {"$.cid", "correlation-id"},
                                                                             {"$.uid", "user-id"},
                                                                             {"$.ct", "content-type"},
                                                                             {"$.ce", "content-encoding"},
                                                                             {"$.ctime", "iothub-creation-time-utc"},
                                                                             {"$.on", "iothub-outputname"},
                                                                             {"$.sub", "dt-subject"},
                                                                             {"$.ifid", "iothub-interface-id"},
                                                                             {"$.schema", "iothub-message-schema"},
                                                                             {"$.diagid", "Diagnostic-Id"},
                                                                             {"$.diagctx", "Correlation-Context"},
                                                                             {"iothub-operation", "iothub-operation"},
                                                                             {"iothub-ack", "iothub-ack"},
                                                                             {"$.cdid", ""},
                                                                             {"$.cmid", ""},
                                                                             {"$.to", ""},
                                                                             {"$.exp", ""}};

 private:
  static void set(Properties& properties, const std::string& name, std::optional<std::string> value) {
    for (Property& property : properties) {
      if (property.name != name) continue;
      property.value = std::move(value);
      return;
    }
    properties.push_back({name, std::move(value)});
  }
  void sort(Property property) {
    for (const auto& [on_topic, at_back_end] : names) {
      if (property.name != on_topic) continue;
      if (!at_back_end.empty()) set(event_.system, at_back_end, std::move(property.value));
      return;
    }
    event_.application.push_back(std::move(property));
  }

  Event event_;
};

TelemetryDraft full_telemetry() {
  return {.device = "d%1",
          .module = "m",
          .enqueued = moment(7),
          .authenticated = {.by_policy = true, .by_certificate = false},
          .generation_id = "638000000000000000",
          .model_id = "dtmi:com:example:Thermostat;1",
          .retain = true,
          .dup = true,
          .is_will = true,
          .property_bag = "%24.mid=1&a=%20b&mqtt-dup=x&$.ct=t&$.mid=2&a=3&c&d=",
          .body = std::string_view("\0\xFF body", 7)};
}

TEST(EventRecord, AMessageReadsAsItDidWhenItsPropertiesWereStored) {
  const std::string every = [] {
    std::string bag;
    for (const auto& [on_topic, at_back_end] : StoredAsText::names) bag += on_topic + "=v%20" + at_back_end + '&';
    return bag;
  }();
  for (const std::string_view bag : std::vector<std::string_view>{
           "", "&&", "=", "a", "a=", "=a", "a=1&a=2&a", "$.mid=1&$.mid", "%24.ct=a&$.ct=b",
           "mqtt-retain=no&mqtt-retain=never&mqtt-dup&iothub-MessageType=mine", "x=%ff&%C3%28=%E2%82%AC%E2%82",
           "iothub-connection-device-id=other&dt-dataschema=other&$.unknown=1", every}) {
    for (unsigned bits = 0; bits < 64; ++bits) {
      TelemetryDraft draft = full_telemetry();
      draft.property_bag = bag;
      draft.retain = (bits & 1) != 0;
      draft.dup = (bits & 2) != 0;
      draft.is_will = (bits & 4) != 0;
      draft.authenticated = {(bits & 8) != 0, (bits & 16) != 0};
      if ((bits & 32) != 0) draft.module = draft.model_id = draft.generation_id = draft.body = "";
      const EncodedEvent encoded = encode(draft);
      EXPECT_EQ(encoded.device_hash, device_hash(draft.device));
      EXPECT_LE(encoded.bytes.size(), bytes_at_most(draft));
      expect_equal(decoded(encoded.bytes), StoredAsText(draft).event());
      if (HasFailure()) return;
    }
  }
}

TEST(EventRecord, NoMixOfPropertiesReadsOtherwise) {
  std::mt19937 random(7);
  const auto pick = [&](std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random); };
  std::vector<std::string> pieces{"a",      "b",        "=", "=", "%3D", "%",  "%4",  "%ff",
                                  "\u00E9", "mqtt-dup", "&", "&", "&",   "$.", "%24."};
  for (const auto& name : StoredAsText::names) pieces.push_back(name.first);
  for (int i = 0; i < 2000; ++i) {
    std::string bag;
    for (std::size_t n = pick(24); n > 0; --n) bag += pieces[pick(pieces.size())];
    TelemetryDraft draft = full_telemetry();
    draft.property_bag = bag;
    expect_equal(decoded(encode(draft).bytes), StoredAsText(draft).event());
    ASSERT_FALSE(HasFailure()) << bag;
  }
}

TEST(EventRecord, AMessageOfTheLargestSizeReadsBack) {
  const std::string body(256 * 1024, 'x');
  const std::string bag(65'000, 'p');
  TelemetryDraft draft = full_telemetry();
  draft.property_bag = bag;
  draft.body = body;
  expect_equal(decoded(encode(draft).bytes), StoredAsText(draft).event());
}

/// The hub's own event of `id` without its body. The correlation id is any, but always the same.
Event notice(EventSource source, const IdentityId& id, const std::string& operation, const std::string& time) {
  const std::vector<std::pair<std::string, std::string>> names{
      {"twinChangeEvents", "twinChangeNotification"},
      {"deviceLifecycleEvents", "deviceLifecycleNotification"},
      {"deviceConnectionStateEvents", "deviceConnectionStateNotification"}};
  const auto& [source_name, schema] = names.at(static_cast<std::size_t>(source) - 1);
  Event event{source, id, moment(3), {}, {}, ""};
  event.system = {{"content-type", "application/json"},
                  {"content-encoding", "utf-8"},
                  {"correlation-id", "(any)"},
                  {"iothub-connection-device-id", id.device}};
  if (id.is_module()) event.system.push_back({"iothub-connection-module-id", id.module});
  event.system.push_back({"iothub-message-source", source_name});
  event.application = {{"deviceId", id.device}};
  if (id.is_module()) event.application.push_back({"moduleId", id.module});
  event.application.push_back({"opType", operation});
  event.application.push_back({"iothub-message-schema", schema});
  event.application.push_back({"operationTimestamp", time});
  return event;
}

void expect_notice(const EncodedEvent& encoded, Event expected, std::string body) {
  Event read = decoded(encoded.bytes);
  const Event again = decoded(encoded.bytes);
  ASSERT_GT(read.system.size(), 2U);
  std::string& correlation_id = *read.system[2].value;
  EXPECT_THAT(correlation_id, ::testing::MatchesRegex("[0-9a-f]{8}"));
  EXPECT_EQ(again.system[2].value, correlation_id);
  correlation_id = "(any)";
  EXPECT_EQ(encoded.device_hash, device_hash(expected.id.device));
  expected.body = std::move(body);
  expect_equal(read, expected);
}

const std::vector<IdentityId>& ids() {
  static const std::vector<IdentityId> ids{
      {"d1", ""}, {"d1", "m1"}, {"-:.+%_#*?!(),=@;$'", "$edgeAgent"}, {std::string(128, 'd'), std::string(128, 'm')}};
  return ids;
}

const std::string at_three = "2026-11-23T12:00:03.0000000Z";
const std::string stamped_at_three = R"({"$lastUpdated":"2026-11-23T12:00:03Z")";

twin::Change reported_change(std::string_view patch) {
  twin::Change change;
  change.version = 300;
  change.reported = twin::SectionChange{patch, 299};
  return change;
}

TEST(EventRecord, AReportedChangeReadsWithTheMetadataOfItsPatch) {
  const auto expect_body = [](std::string_view patch, const std::string& told) {
    for (const IdentityId& id : ids()) {
      expect_notice(twin_changed_event(id, reported_change(patch), moment(3)),
                    notice(EventSource::twin_change, id, "updateTwin", at_three),
                    R"({"version":300,"properties":{"reported":{)" + told + R"(,"$version":299}}})");
    }
  };
  expect_body("{}", R"("$metadata":)" + stamped_at_three + "}");
  expect_body(R"({"a":1.0})", R"("a":1.0,"$metadata":)" + stamped_at_three + R"(,"a":)" + stamped_at_three + "}}");
  expect_body(R"({"a":{"b":null,"c":[{"d":1}],"$e":{}},"gone":null,"$version":7,"$metadata":{"x":1},"\"":"\u00E9"})",
              R"("a":{"b":null,"c":[{"d":1}],"$e":{}},"gone":null,"\"":"é","$metadata":)" + stamped_at_three +
                  R"(,"a":)" + stamped_at_three + R"(,"c":)" + stamped_at_three + R"(},"$e":)" + stamped_at_three +
                  R"(}},"\"":)" + stamped_at_three + "}}");
}

TEST(EventRecord, AServicePatchReadsWithItsTagsAndWithVersionsInTheMetadata) {
  twin::Change change;
  change.version = 3;
  const Event expected = notice(EventSource::twin_change, {"d1", ""}, "updateTwin", at_three);
  expect_notice(twin_changed_event({"d1", ""}, change, moment(3)), expected, R"({"version":3})");
  change.tags = R"({"t":{"u":1},"gone":null})";
  expect_notice(twin_changed_event({"d1", ""}, change, moment(3)), expected,
                R"({"version":3,"tags":{"t":{"u":1},"gone":null}})");
  change.desired = twin::SectionChange{R"({"a":1,"b":null,"$version":2})", 2};
  const std::string stamp = stamped_at_three + R"(,"$lastUpdatedVersion":2)";
  const std::string properties =
      R"("properties":{"desired":{"a":1,"b":null,"$metadata":)" + stamp + R"(,"a":)" + stamp + R"(}},"$version":2}}})";
  expect_notice(twin_changed_event({"d1", ""}, change, moment(3)), expected,
                R"({"version":3,"tags":{"t":{"u":1},"gone":null},)" + properties);
  change.tags = "null";
  expect_notice(twin_changed_event({"d1", ""}, change, moment(3)), expected,
                R"({"version":3,"tags":null,)" + properties);
  change.tags = "";
  expect_notice(twin_changed_event({"d1", ""}, change, moment(3)), expected, R"({"version":3,)" + properties);
}

TEST(EventRecord, LifeCycleReplacementAndConnectionReadWhole) {
  for (const IdentityId& id : ids()) {
    const std::string module = id.is_module() ? R"(,"moduleId":")" + id.module + "\"" : "";
    const std::string fresh = R"({"deviceId":")" + id.device + "\"" + module +
                              R"(,"etag":"AAAAAAAAAAE=","version":2,"properties":{)"
                              R"("desired":{"$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z"},"$version":1},)"
                              R"("reported":{"$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z"},"$version":1}}})";
    expect_notice(identity_created_event(id, moment(3)),
                  notice(EventSource::device_lifecycle, id, "createDeviceIdentity", at_three), fresh);
    expect_notice(identity_deleted_event(id, moment(3)),
                  notice(EventSource::device_lifecycle, id, "deleteDeviceIdentity", at_three), fresh);
    expect_notice(identity_created_event(id, moment(3), R"({"deviceScope":"s"})"),
                  notice(EventSource::device_lifecycle, id, "createDeviceIdentity", at_three),
                  R"({"deviceScope":"s"})");
    expect_notice(identity_deleted_event(id, moment(3), R"({"deviceScope":"s"})"),
                  notice(EventSource::device_lifecycle, id, "deleteDeviceIdentity", at_three),
                  R"({"deviceScope":"s"})");
    expect_notice(twin_replaced_event(id, R"({"deviceId":"x"})", moment(3)),
                  notice(EventSource::twin_change, id, "replaceTwin", at_three), R"({"deviceId":"x"})");
    const std::uint64_t sequence = 504'911'232'000'000'000 + 0x01DC'5C6D'0000'0001;
    const std::string body = R"({"sequenceNumber":"000000000000000001DC5C6D0000000100000002000000000000000000000001"})";
    expect_notice(connection_state_event(id, true, sequence, moment(1), moment(3)),
                  notice(EventSource::connection_state, id, "deviceConnected", "2026-11-23T12:00:01.0000000Z"), body);
    expect_notice(connection_state_event(id, false, sequence, moment(1), moment(3)),
                  notice(EventSource::connection_state, id, "deviceDisconnected", "2026-11-23T12:00:01.0000000Z"),
                  body);
  }
}

TEST(EventRecord, EventsOfTheSameMomentDifferInTheirCorrelationIds) {
  std::vector<std::string> seen;
  for (const IdentityId& id : {IdentityId{"a", ""}, IdentityId{"b", ""}, IdentityId{"a", "a"}, IdentityId{"a", "b"}}) {
    seen.push_back(*decoded(identity_created_event(id, moment(3)).bytes).system[2].value);
  }
  seen.push_back(*decoded(identity_created_event({"a", ""}, moment(4)).bytes).system[2].value);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST(EventRecord, AReportedChangeTakesLittleMoreThanItsPatch) {
  const std::string patch = R"({"value":")" + std::string(100, 'x') + "\"}";
  EXPECT_LT(twin_changed_event({"device-0001", ""}, reported_change(patch), moment(3)).bytes.size(), patch.size() + 40);
}

TEST(EventRecord, TheFirstFormatIsStillRead) {
  for (const EventSource source : {EventSource::telemetry, EventSource::twin_change, EventSource::connection_state}) {
    const Event old{source, {"d", "m"}, moment(1), {{"a", "1"}, {"a", ""}}, {{"flag", std::nullopt}}, "body"};
    expect_equal(decoded(first_event_record(old)), old);
  }
  std::string bytes = first_event_record({});
  bytes[1] = 4;  // source
  std::string_view rest = bytes;
  EXPECT_FALSE(decode_event(rest));
}

/// One of each kind, and of the first format.
std::vector<std::string> records() {
  twin::Change change = reported_change(R"({"a":1})");
  change.desired = twin::SectionChange{R"({"b":{"c":null}})", 5};
  change.tags = "{}";
  const IdentityId id{"d", "m"};
  return {encode(full_telemetry()).bytes,
          twin_changed_event(id, change, moment(3)).bytes,
          twin_replaced_event(id, "{}", moment(3)).bytes,
          identity_created_event(id, moment(3)).bytes,
          identity_deleted_event(id, moment(3)).bytes,
          connection_state_event(id, true, 1, moment(3), moment(3)).bytes,
          connection_state_event(id, false, 1, moment(3), moment(3)).bytes,
          first_event_record({EventSource::telemetry, id, moment(3), {{"a", "1"}}, {{"b", std::nullopt}}, "body"})};
}

TEST(EventRecord, RecordsAreReadOrPassedOverOneAfterTheOther) {
  std::string bytes;
  for (const std::string& record : records()) bytes += record;
  std::string_view rest = bytes;
  for (const std::string& record : records()) {
    std::string_view passed = rest;
    ASSERT_TRUE(skip_event(passed));
    expect_equal(*decode_event(rest), decoded(record));
    EXPECT_EQ(passed.size(), rest.size());
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_FALSE(decode_event(rest));
  EXPECT_FALSE(skip_event(rest));
}

TEST(EventRecord, EveryTruncationIsAnError) {
  for (const std::string& record : records()) {
    for (std::size_t size = 0; size < record.size(); ++size) {
      // A copy of exactly that size, so that a sanitizer sees one byte too far.
      const std::vector<char> cut(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(size));
      std::string_view rest(cut.data(), cut.size());
      EXPECT_FALSE(decode_event(rest)) << size;
      EXPECT_FALSE(skip_event(rest)) << size;
      EXPECT_EQ(rest.size(), size);
    }
  }
}

/// Cuts what the length covers, and makes the length fit.
TEST(EventRecord, ARecordShorterThanItsKindNeedsIsRefused) {
  for (const std::string& record : records()) {
    if (record[0] != '\2' || record == records()[0] || record == records()[2]) continue;  // those end in their body
    for (std::size_t size = 5; size < record.size(); ++size) {
      std::vector<char> cut(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(size));
      cut[1] = static_cast<char>(size - 5);
      std::string_view rest(cut.data(), cut.size());
      EXPECT_FALSE(decode_event(rest)) << size;
    }
    if (record[5] == 3 || record[5] == 4) continue;  // a life cycle's may end in its body
    std::string longer = record + 'x';
    ++longer[1];
    std::string_view rest = longer;
    EXPECT_FALSE(decode_event(rest));
  }
}

TEST(EventRecord, UnknownVersionsAndKindsAreErrors) {
  for (const std::string& record : records()) {
    for (const char version : {'\0', '\3', '\xFF'}) {
      std::string bytes = record;
      bytes[0] = version;
      std::string_view rest = bytes;
      EXPECT_FALSE(decode_event(rest));
      EXPECT_FALSE(skip_event(rest));
    }
  }
  std::string bytes = identity_created_event({"d", ""}, moment()).bytes;
  bytes[5] = 7;  // kind
  std::string_view rest = bytes;
  EXPECT_FALSE(decode_event(rest));
}

TEST(EventRecord, NoFlippedByteDoesMoreThanChangeOrRefuseTheRecord) {
  for (const std::string& record : records()) {
    for (std::size_t at = 0; at < record.size(); ++at) {
      for (const int flip : {0x01, 0x02, 0x80, 0xFF}) {
        std::vector<char> bytes(record.begin(), record.end());
        bytes[at] = static_cast<char>(bytes[at] ^ flip);
        std::string_view rest(bytes.data(), bytes.size());
        (void)decode_event(rest);  // a sanitizer would stop here
      }
    }
  }
}

TEST(EventRecord, ANumberThatNeverEndsIsRefused) {
  std::string bytes = identity_created_event({"d", ""}, moment()).bytes.substr(0, 14);
  bytes.append(30, '\xFF');  // the device id's length
  bytes[1] = static_cast<char>(bytes.size() - 5);
  std::string_view rest = bytes;
  EXPECT_FALSE(decode_event(rest));
}

}  // namespace
}  // namespace twinhub::storage
