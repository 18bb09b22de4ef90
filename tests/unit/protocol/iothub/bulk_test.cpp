#include "protocol/iothub/bulk.hpp"

#include <gtest/gtest.h>

namespace twinhub::iothub {
namespace {

BulkItem only(std::string_view item) {
  auto items = parse_bulk("[" + std::string(item) + "]");
  if (!items) ADD_FAILURE() << items.error().detail;
  return items ? items->front() : BulkItem{};
}

TEST(Bulk, TheImportModeMatchesInAnyCaseAndIsCreateOrUpdateWhenAbsent) {
  EXPECT_EQ(only(R"({"id":"d"})").mode, ImportMode::create_or_update);
  EXPECT_EQ(only(R"({"id":"d","importMode":null})").mode, ImportMode::create_or_update);
  EXPECT_EQ(only(R"({"id":"d","importMode":"create"})").mode, ImportMode::create);
  EXPECT_EQ(only(R"({"id":"d","importMode":"Update"})").mode, ImportMode::update);
  EXPECT_EQ(only(R"({"id":"d","importMode":"UPDATEIFMATCHETAG","eTag":"x"})").mode, ImportMode::update_if_match_etag);
  EXPECT_EQ(only(R"({"id":"d","importMode":"createOrUpdate"})").mode, ImportMode::create_or_update);
  EXPECT_EQ(only(R"({"id":"d","importMode":"createOrUpdateIfMatchETag","eTag":"x"})").mode,
            ImportMode::create_or_update_if_match_etag);
  EXPECT_EQ(only(R"({"id":"d","importMode":"Delete"})").mode, ImportMode::delete_identity);
  EXPECT_EQ(only(R"({"id":"d","importMode":"updateTwin"})").mode, ImportMode::update_twin);
  EXPECT_EQ(only(R"({"id":"d","importMode":"updateTwinIfMatchETag","twinETag":"x"})").mode,
            ImportMode::update_twin_if_match_etag);
}

TEST(Bulk, TheEtagIsFoundUnderEverySpellingOfItsName) {
  for (const std::string name : {"eTag", "etag", "ETag"}) {
    const BulkItem item = only(R"({"id":"d","importMode":"deleteIfMatchEtag",")" + name + R"(":"\"abc\""})");
    EXPECT_EQ(item.mode, ImportMode::delete_if_match_etag);
    EXPECT_TRUE(item.if_match.present);
    EXPECT_EQ(item.if_match.etag, "abc");
  }
  EXPECT_TRUE(only(R"({"id":"d","importMode":"deleteIfMatchEtag","etag":"*"})").if_match.any);
}

TEST(Bulk, AModeWithoutAnEtagDoesNotLookAtIt) {
  for (const std::string mode : {"create", "update", "createOrUpdate", "delete"}) {
    EXPECT_FALSE(only(R"({"id":"d","eTag":"x","importMode":")" + mode + "\"}").if_match.present) << mode;
  }
  EXPECT_FALSE(only(R"({"id":"d","twinETag":"x","importMode":"updateTwin"})").twin_if_match.present);
  EXPECT_TRUE(only(R"({"id":"d","twinETag":"x"})").twin_if_match.present);
}

TEST(Bulk, AModeThatNamesAnEtagWithoutOneAsksForNothing) {
  for (const std::string mode :
       {"updateIfMatchETag", "deleteIfMatchETag", "updateTwinIfMatchETag", "createOrUpdateIfMatchETag"}) {
    for (const std::string etags : {"", R"(,"eTag":null,"twinETag":null)", R"(,"eTag":"","twinETag":"")"}) {
      const BulkItem item = only(R"({"id":"a","importMode":")" + mode + '"' + etags + "}");
      EXPECT_FALSE(item.refusal) << mode << etags;
      EXPECT_FALSE(item.if_match.present) << mode << etags;
      EXPECT_FALSE(item.twin_if_match.present) << mode << etags;
    }
  }
}

// SDKs send devices back as they have read them: azure-iot-sdk-node, registry.ts, _processBulkDevices copies every
// member; azure-iot-sdk-csharp issue 1146 has exported lines of modules with capabilities.
TEST(Bulk, MembersThatSayNothingToDoAreLeftAside) {
  const std::string odd =
      R"("deviceId":"d","generationId":"1","connectionState":"Connected","cloudToDeviceMessageCount":3,)"
      R"("connectionStateUpdatedTime":"0001-01-01T00:00:00","lastActivityTime":null,"x":{"y":[1]},"statusReason":"why")";
  const BulkItem item = only(R"({"id":"d",)" + odd + "}");
  EXPECT_FALSE(item.refusal) << item.refusal->detail;
  EXPECT_TRUE(item.twin_patch.empty());
  const BulkItem module = only(R"({"id":"d","moduleId":"m","capabilities":{"iotEdge":false},"authentication":null})");
  EXPECT_FALSE(module.refusal) << module.refusal->detail;
}

TEST(Bulk, TwinDataIsSplitIntoWhatABackEndWritesAndWhatTheDeviceReported) {
  const BulkItem item = only(
      R"({"id":"d","tags":{"a":1},"properties":{"desired":{"b":{"c":null}},"reported":{"r":[1]}},"status":"disabled"})");
  EXPECT_EQ(item.twin_patch, R"({"tags":{"a":1},"properties":{"desired":{"b":{"c":null}}}})");
  EXPECT_EQ(item.reported, R"({"r":[1]})");
  EXPECT_EQ(item.request.wanted.status, Status::disabled);
  EXPECT_EQ(only(R"({"id":"d","tags":{}})").twin_patch, R"({"tags":{}})");
  EXPECT_EQ(only(R"({"id":"d","properties":{"desired":{}}})").twin_patch, R"({"properties":{"desired":{}}})");
  EXPECT_EQ(only(R"({"id":"d","tags":null,"properties":null})").twin_patch, "");
  EXPECT_EQ(only(R"({"id":"d","properties":{"desired":null,"reported":null}})").twin_patch, "");
}

TEST(Bulk, WhatIsWrongWithOneItemStaysWithIt) {
  for (const std::string item :
       {R"({"id":"a/b"})", R"({"id":"d","moduleId":"a b"})", R"({"id":"d","status":"off"})", R"({"id":"d","tags":[]})",
        R"({"id":"d","properties":1})", R"({"id":"d","properties":{"desired":[]}})",
        R"({"id":"d","authentication":{"type":"magic"}})"}) {
    const auto items = parse_bulk("[" + item + "]");
    ASSERT_TRUE(items) << item;
    ASSERT_TRUE(items->front().refusal) << item;
    EXPECT_EQ(items->front().refusal->code, Errc::argument_invalid) << item;
    EXPECT_FALSE(items->front().refusal->detail.empty());
  }
}

TEST(Bulk, WhatIsWrongWithTheWholeRefusesTheWhole) {
  struct Case {
    std::string body;
    Errc code;
  };
  std::string too_many = "[";
  for (int i = 0; i < 101; ++i) too_many += (i > 0 ? "," : "") + (R"({"id":"d)" + std::to_string(i) + "\"}");
  for (const Case& c :
       {Case{"", Errc::iot_hub_format_error}, Case{"{}", Errc::iot_hub_format_error},
        Case{"[1]", Errc::iot_hub_format_error}, Case{"[", Errc::iot_hub_format_error},
        Case{"[]", Errc::argument_invalid}, Case{"[{}]", Errc::argument_invalid},
        Case{R"([{"id":""}])", Errc::argument_invalid}, Case{R"([{"id":7}])", Errc::argument_invalid},
        Case{R"([{"id":"d","importMode":"merge"}])", Errc::argument_invalid},
        Case{R"([{"id":"d"},{"id":"e"},{"id":"d"}])", Errc::device_defined_multiple_times},
        Case{R"([{"id":"d","moduleId":"m"},{"id":"d","moduleId":"m"}])", Errc::device_defined_multiple_times},
        Case{too_many + "]", Errc::too_many_devices}}) {
    const auto items = parse_bulk(c.body);
    ASSERT_FALSE(items) << c.body.substr(0, 80);
    EXPECT_EQ(items.error().code, c.code) << c.body.substr(0, 80);
  }
  EXPECT_TRUE(parse_bulk(R"([{"id":"d"},{"id":"d","moduleId":"m"}])"));
}

TEST(Bulk, AResultNamesWhatFailed) {
  EXPECT_EQ(bulk_result({}), R"({"isSuccessful":true,"errors":[],"warnings":[]})");
  EXPECT_EQ(
      bulk_result({{{"d", ""}, "DeviceNotFound", "Not \"here\""}, {{"d", "m"}, "ModuleNotFound", "No"}}),
      R"({"isSuccessful":false,"errors":[{"deviceId":"d","errorCode":"DeviceNotFound","errorStatus":"Not \"here\""},)"
      R"({"deviceId":"d","moduleId":"m","errorCode":"ModuleNotFound","errorStatus":"No"}],"warnings":[]})");
}

TEST(Bulk, AnExportedLineReadsBackAsTheIdentityItWas) {
  Identity identity;
  identity.id = {"d", ""};
  identity.etag = 7;
  identity.status = Status::disabled;
  identity.status_reason = "spare";
  identity.primary_key = "MDEyMzQ1Njc4OWFiY2RlZg==";
  identity.secondary_key = "MDEyMzQ1Njc4OWFiY2RlZw==";
  identity.device_scope = "ms-azure-iot-edge://parent-1";
  identity.parent_scopes = {"ms-azure-iot-edge://parent-1"};
  std::string line;
  append_export(line, identity, {});
  EXPECT_NE(line.find(R"("eTag":"Nw==")"), std::string::npos) << line;
  const BulkItem item = only(line + "}");
  ASSERT_FALSE(item.refusal) << item.refusal->detail;
  EXPECT_EQ(item.id, identity.id);
  EXPECT_EQ(item.request.wanted.status, Status::disabled);
  EXPECT_EQ(item.request.wanted.status_reason, "spare");
  EXPECT_EQ(item.request.wanted.primary_key, identity.primary_key);
  EXPECT_EQ(item.request.wanted.secondary_key, identity.secondary_key);
  EXPECT_EQ(item.request.wanted.device_scope, identity.device_scope);
  EXPECT_EQ(item.request.wanted.parent_scopes, identity.parent_scopes);

  std::string bare;
  append_export(bare, identity, {.keys = false, .etags = false});
  EXPECT_EQ(bare.find("MDEy"), std::string::npos) << bare;
  EXPECT_EQ(bare.find("eTag"), std::string::npos) << bare;
  EXPECT_TRUE(only(bare + "}").request.generate_keys);
}

}  // namespace
}  // namespace twinhub::iothub
