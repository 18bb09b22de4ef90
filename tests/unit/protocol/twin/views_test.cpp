#include "twin_fixture.hpp"

namespace twinhub::twin {
namespace {

iothub::Identity device() {
  iothub::Identity identity;
  identity.id.device = "MyTwinDevice";
  identity.etag = 580089003;
  return identity;
}

TEST(ServiceView, OfAFreshDeviceIsAsDocumented) {
  EXPECT_EQ(
      service_view(make_twin(created), device(), {}),
      R"({"deviceId":"MyTwinDevice","etag":"AAAAAAAAAAE=","deviceEtag":"NTgwMDg5MDAz","status":"enabled",)"
      R"("statusUpdateTime":"0001-01-01T00:00:00Z","connectionState":"Disconnected","lastActivityTime":"0001-01-01T00:00:00Z",)"
      R"("cloudToDeviceMessageCount":0,"authenticationType":"sas",)"
      R"("x509Thumbprint":{"primaryThumbprint":null,"secondaryThumbprint":null},"modelId":"","version":2,)"
      R"("properties":{"desired":{"$metadata":{"$lastUpdated":"1970-01-01T00:00:01Z"},"$version":1},)"
      R"("reported":{"$metadata":{"$lastUpdated":"1970-01-01T00:00:01Z"},"$version":1}},"capabilities":{"iotEdge":false}})");
}

TEST(ServiceView, ShowsWhatIsSet) {
  iothub::Identity identity = device();
  identity.status = iothub::Status::disabled;
  identity.status_reason = "because \"x\"";
  identity.authentication = iothub::AuthenticationType::self_signed;
  identity.primary_thumbprint = std::string(40, 'A');
  identity.device_scope = "ms-azure-iot-edge://e-1";
  identity.parent_scopes = {"ms-azure-iot-edge://p-1"};
  Twin twin = patch(make_twin(created), R"({"tags":{"t":1},"properties":{"desired":{"a":1}}})").after;
  twin.model_id = "dtmi:com:example:Thermostat;1";
  const std::string view = service_view(twin, identity, {true, later, later, 3});
  for (
      const char* part :
      {R"("status":"disabled","statusReason":"because \"x\"")",
       R"("connectionState":"Connected","lastActivityTime":"1970-01-01T00:00:02Z")",
       R"("cloudToDeviceMessageCount":3,"authenticationType":"selfSigned")", R"("primaryThumbprint":"AAAA)",
       R"("modelId":"dtmi:com:example:Thermostat;1","version":3,"tags":{"t":1},"properties":{"desired":{"a":1,"$metadata":)",
       R"("$version":2},"reported":)",
       R"("deviceScope":"ms-azure-iot-edge://e-1","parentScopes":["ms-azure-iot-edge://p-1"]})"}) {
    EXPECT_NE(view.find(part), std::string::npos) << part << "\n" << view;
  }
}

TEST(ServiceView, OfAModuleNamesItAndHasNoCapabilities) {
  iothub::Identity identity = device();
  identity.id.module = "m";
  const std::string view = service_view(make_twin(created), identity, {});
  EXPECT_EQ(view.find(R"({"deviceId":"MyTwinDevice","moduleId":"m","etag":)"), 0U) << view;
  EXPECT_EQ(view.find("capabilities"), std::string::npos);
}

TEST(ServiceView, OmitsTheModelIdForOldApiVersions) {
  EXPECT_EQ(service_view(make_twin(created), device(), {}, false).find("modelId"), std::string::npos);
}

TEST(DeviceView, HasBothSectionsWithVersionsAndNothingElse) {
  EXPECT_EQ(device_view(make_twin(created)), R"({"desired":{"$version":1},"reported":{"$version":1}})");
  const Twin twin = report(patch(with_desired(R"({"a":{"b":1}})"), tags_body(R"({"t":1})")).after, R"({"r":[1]})");
  EXPECT_EQ(device_view(twin), R"({"desired":{"a":{"b":1},"$version":2},"reported":{"r":[1],"$version":2}})");
}

}  // namespace
}  // namespace twinhub::twin
