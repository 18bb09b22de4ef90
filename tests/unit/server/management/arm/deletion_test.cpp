// Deleting the hub: refused unless the operator allows it; then everything goes, also when the process dies half way.
#include "tests/unit/server/management/arm/arm_world.hpp"

#include "server/management/arm/arm_records.hpp"
#include "server/management/arm/empty_hub.hpp"

#include <gmock/gmock.h>

namespace twinhub::management {
namespace {

using testing::HasSubstr;

struct ArmDeletion : testing::Test {
  /// 600 devices: more than two slices; one has a module, one a message.
  void fill() {
    ASSERT_EQ(arm.create_hub().status, 200);
    for (int i = 0; i < 600; ++i) ASSERT_TRUE(arm.world->put({"d" + std::to_string(i), ""}));
    ASSERT_TRUE(arm.world->put(hub::m1));
    ASSERT_TRUE(hub::answer_of<void>([&](auto done) {
      iothub::CloudToDeviceMessage message;
      arm.world->hub.cloud_to_device.send("d2", std::move(message), std::move(done));
    }));
    ASSERT_TRUE(hub::answer_of<hub::ConfigurationStore::Answer>([&](auto done) {
      arm.world->hub.configurations.put(
          "c1",
          R"({"id":"c1","targetCondition":"tags.x = 1","priority":1,"content":{"deviceContent":{"properties.desired.a":{"b":1}}}})",
          {}, std::move(done));
    }));
  }
  std::string devices() { return at(arm.ask("GET", hub_path + "/IotHubStats").body, "totalDeviceCount"); }
  [[nodiscard]] std::size_t devices_left() const {
    std::size_t left = 0;
    EXPECT_TRUE(arm.world->store->scan(nullptr, [&](const storage::Entity& entity) {
      if (!entity.identity->id.is_module()) ++left;
      return true;
    }));
    return left;
  }
  [[nodiscard]] bool is_empty() const {
    bool any = false;
    EXPECT_TRUE(arm.world->store->scan(nullptr, [&](const storage::Entity&) { return !(any = true); }));
    EXPECT_TRUE(arm.world->store->scan_records(storage::RecordKind::messages, {}, {},
                                               [&](std::string_view, std::string_view) { return !(any = true); }));
    return !any && arm.world->hub.configurations.all().empty();
  }
  ArmWorld arm{ArmOptions{.delete_erases = true}};
};

TEST(ArmDeletionRefused, WithoutTheSettingNothingIsErased) {
  ArmWorld arm;
  ASSERT_EQ(arm.create_hub().status, 200);
  ASSERT_TRUE(arm.world->put(hub::d1));
  for (const std::string& path : {hub_path, group_path}) {
    const ArmAnswer refused = arm.ask("DELETE", path);
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(code_of(refused), "\"ScopeLocked\"");
    EXPECT_THAT(message_of(refused), HasSubstr("management.delete"));
  }
  EXPECT_TRUE(arm.world->get(hub::d1));
  EXPECT_EQ(arm.ask("GET", hub_path).status, 200);
}

TEST_F(ArmDeletion, EmptiesTheHubAndForgetsItsName) {
  fill();
  EXPECT_EQ(devices(), "600");
  EXPECT_EQ(arm.ask("DELETE", hub_path, "", "AAAAAAAAAAE=").status, 412);
  EXPECT_EQ(arm.ask("DELETE", hub_path).status, 204);
  EXPECT_TRUE(is_empty());
  EXPECT_EQ(arm.ask("GET", hub_path).status, 404);
  EXPECT_EQ(arm.ask("GET", group_path).status, 200);
  EXPECT_EQ(arm.ask("DELETE", hub_path).status, 204);
  EXPECT_EQ(arm.ask("PUT", hubs_path + "/another", R"({"location":"x"})").status, 200);
}

TEST_F(ArmDeletion, AGroupTakesItsHubAlong) {
  fill();
  EXPECT_EQ(arm.ask("DELETE", group_path).status, 200);
  EXPECT_TRUE(is_empty());
  EXPECT_EQ(arm.ask("GET", in_subscription + "/resourceGroups").body, R"({"value":[]})");
  arm.restart();
  EXPECT_EQ(arm.ask("GET", in_subscription + "/providers/Microsoft.Devices/IotHubs").body, R"({"value":[]})");
}

TEST_F(ArmDeletion, ARestartEndsWhatACrashCutShort) {
  fill();
  {
    ArmState state(*arm.world->store, {});
    ASSERT_TRUE(state.load());
    ASSERT_TRUE(state.begin_erasing("g1"));  // and the process dies before a device is gone
  }
  arm.restart();
  EXPECT_TRUE(is_empty());
  EXPECT_EQ(arm.ask("GET", group_path).status, 404);
  EXPECT_FALSE(*arm.world->store->read_record(storage::RecordKind::management, erasing_key));
}

TEST_F(ArmDeletion, ADeletionThatIsNoLongerAllowedIsGivenUpForGood) {
  fill();
  {
    ArmState state(*arm.world->store, {});
    ASSERT_TRUE(state.load());
    ASSERT_TRUE(state.begin_erasing("g1"));
  }
  arm.options.delete_erases = false;
  arm.restart();
  EXPECT_EQ(devices(), "600");
  EXPECT_EQ(arm.ask("PATCH", hub_path, R"({"tags":{"a":"b"}})").status, 200);
  arm.options.delete_erases = true;
  arm.restart();
  EXPECT_EQ(devices(), "600");
}

TEST_F(ArmDeletion, AStartWithoutThePlaneGivesItUpToo) {
  fill();
  EXPECT_EQ(drop_erasing_mark(*arm.world->store).value(), false);
  {
    ArmState state(*arm.world->store, {});
    ASSERT_TRUE(state.load());
    ASSERT_TRUE(state.begin_erasing("g1"));
  }
  EXPECT_EQ(drop_erasing_mark(*arm.world->store).value(), true);
  arm.restart();
  EXPECT_EQ(devices(), "600");
}

TEST_F(ArmDeletion, AHubThatEndsStopsDeletingAndTheMarkRemains) {
  fill();
  {
    ArmState state(*arm.world->store, {});
    ASSERT_TRUE(state.load());
    ASSERT_TRUE(state.begin_erasing(""));
  }
  const auto stopped = empty_hub(arm.world->hub, [] { return true; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Errc::service_unavailable);
  EXPECT_EQ(devices(), "600");
  arm.manager->stop();
  EXPECT_EQ(arm.ask("DELETE", hub_path).status, 503);
  EXPECT_EQ(arm.ask("GET", hub_path).status, 503);
  arm.restart();
  EXPECT_TRUE(is_empty());
}

TEST_F(ArmDeletion, AStartThatGoesOnWithOneEndsWhenTheProcessIsAskedToStop) {
  fill();
  {
    ArmState state(*arm.world->store, {});
    ASSERT_TRUE(state.load());
    ASSERT_TRUE(state.begin_erasing("g1"));
  }
  arm.options.stop_is_asked = [&] { return devices_left() < 600; };  // the first of them are gone
  EXPECT_THROW(arm.restart(), std::runtime_error);
  EXPECT_GT(devices_left(), 0U);
  EXPECT_TRUE(*arm.world->store->read_record(storage::RecordKind::management, erasing_key));
  arm.options.stop_is_asked = {};
  arm.restart();
  EXPECT_TRUE(is_empty());
  EXPECT_FALSE(*arm.world->store->read_record(storage::RecordKind::management, erasing_key));
}

TEST_F(ArmDeletion, AddedPoliciesGoAndTheHubsOwnStay) {
  fill();
  const std::string owner = R"({"keyName":"iothubowner","rights":"RegistryWrite, ServiceConnect, DeviceConnect"})";
  ASSERT_EQ(arm.ask("PUT", hub_path,
                    R"({"location":"westus2","properties":{"authorizationPolicies":[)" + owner +
                        R"(,{"keyName":"mine","rights":"ServiceConnect"}]}})")
                .status,
            200);
  ASSERT_EQ(arm.ask("DELETE", hub_path).status, 204);
  const auto policies = arm.world->hub.authenticator.policies();
  ASSERT_EQ(policies->size(), 1U);
  EXPECT_EQ((*policies)[0].primary_key, hub::test_key('A'));
  EXPECT_EQ(arm.kept.size(), 1U);
}

TEST(ArmDeletionConfigured, AConfiguredHubComesBackWhenItIsCreated) {
  ArmWorld arm(ArmOptions{.hub_name = "factory", .resource_group = "site", .delete_erases = true});
  const std::string path = in_subscription + "/resourceGroups/site/providers/Microsoft.Devices/IotHubs/factory";
  ASSERT_EQ(arm.ask("DELETE", path).status, 204);
  EXPECT_EQ(arm.ask("GET", in_subscription + "/providers/Microsoft.Devices/IotHubs").body, R"({"value":[]})");
  arm.restart();
  EXPECT_EQ(arm.ask("GET", in_subscription + "/providers/Microsoft.Devices/IotHubs").body, R"({"value":[]})");
  ASSERT_EQ(arm.ask("PUT", group_path, R"({"location":"x"})").status, 201);
  EXPECT_EQ(arm.ask("PUT", hub_path, R"({"location":"x"})").status, 409);
  EXPECT_EQ(arm.ask("PUT", hubs_path + "/factory", R"({"location":"x"})").status, 200);
}

TEST_F(ArmDeletion, AnEtagNeverMeansTwoHubs) {
  ASSERT_EQ(arm.create_hub().status, 200);
  const std::string before = at(arm.ask("GET", hub_path).body, "etag");
  ASSERT_EQ(arm.ask("DELETE", hub_path).status, 204);
  arm.world->clock.advance_seconds(1);
  ASSERT_EQ(arm.ask("PUT", hub_path, R"({"location":"x"})").status, 200);
  EXPECT_NE(at(arm.ask("GET", hub_path).body, "etag"), before);
}

}  // namespace
}  // namespace twinhub::management
