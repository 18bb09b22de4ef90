#include "config/changes.hpp"

#include "config/load.hpp"

#include <gtest/gtest.h>

namespace twinhub::config {
namespace {

std::vector<std::string> keys_of(const std::vector<Change>& changes) {
  std::vector<std::string> keys;
  for (const Change& change : changes) keys.push_back(change.key);
  return keys;
}

TEST(Changes, AreTheSettingsThatDifferWithBothValues) {
  Settings before, after;
  after.mqtts_port = 18883;
  after.log_level = "debug";
  const auto found = changes(before, after);
  EXPECT_EQ(keys_of(found), (std::vector<std::string>{"mqtts_port", "log.level"}));
  EXPECT_EQ(found[0].before, "8883");
  EXPECT_EQ(found[0].after, "18883");
  EXPECT_TRUE(changes(after, after).empty());
}

TEST(Changes, OfASecretAreSeenAndNotShown) {
  Settings before, after;
  before.ops_token = "old-secret";
  after.ops_token = "new-secret";
  after.events_broker = "mqtts://broker.example/?password=hidden";
  for (const Change& change : changes(before, after)) {
    EXPECT_EQ((change.before + change.after).find("secret"), std::string::npos) << change.key;
    EXPECT_EQ((change.before + change.after).find("hidden"), std::string::npos) << change.key;
  }
  EXPECT_EQ(keys_of(changes(before, after)), (std::vector<std::string>{"events.broker", "ops.token"}));
}

TEST(Changes, OfTheCommandLinesOwnAreNoneOfTheHubs) {
  Settings before, after;
  after.client_context = "plant";
  EXPECT_TRUE(changes(before, after).empty());
}

TEST(Changes, OfLiveSettingsAreAllThatIsTaken) {
  const Settings running;
  for (const SettingInfo& info : all_settings()) {
    if (!is_live(info.key)) continue;
    EXPECT_NE(find_setting(info.key), nullptr);
  }
  Settings fresh;
  fresh.mqtts_port = 1;
  fresh.log_level = "debug";
  fresh.log_format = "json";
  fresh.tls_certificate = "c.pem";
  fresh.tls_private_key = "k.pem";
  fresh.tls_device_ca = {"d.pem"};
  fresh.tls_client_chain_kib_max = 1;
  fresh.tls_client_chain_certificates_max = 1;
  fresh.events_broker = "mqtt://b";
  const Settings next = with_live(running, fresh);
  for (const Change& change : changes(running, next)) EXPECT_TRUE(is_live(change.key)) << change.key;
  // Whatever else differs waits.
  EXPECT_EQ(keys_of(changes(next, fresh)), std::vector<std::string>{"mqtts_port"});
  EXPECT_EQ(changes(running, next).size(), changes(running, fresh).size() - 1);
}

class RoutingChanges : public testing::Test {
 protected:
  static EndpointSettings endpoint(const std::string& name, const std::string& place = "") {
    EndpointSettings made;
    made.name = name;
    made.place = place;
    return made;
  }
};

TEST_F(RoutingChanges, AreNamedOneByOne) {
  Routing before, after;
  before.endpoints = {endpoint("kept"), endpoint("changed"), endpoint("gone")};
  after.endpoints = {endpoint("new"), endpoint("changed"), endpoint("kept")};
  after.endpoints[1].url = "http://other";
  after.routes = {{"", "r", "DeviceMessages", "true", {"new"}}};
  after.fallback.enabled = false;
  after.enrichments = {{"", "k", "v", {"new"}}};
  EXPECT_EQ(
      changes_of(before, after),
      "route 'r' added, endpoint 'new' added, endpoint 'changed' changed, endpoint 'gone' removed, fallback changed, "
      "enrichments changed");
}

TEST_F(RoutingChanges, AreNoneWhenOnlyItsLineInTheFileIsAnother) {
  Routing before, after;
  before.endpoints = {endpoint("e", "a.toml:1")};
  after.endpoints = {endpoint("e", "a.toml:9")};
  before.fallback.place = "a.toml:2";
  before.enrichments = {{"a.toml:3", "k", "v", {"e"}}};
  after.enrichments = {{"a.toml:4", "k", "v", {"e"}}};
  EXPECT_EQ(changes_of(before, after), "");
}

}  // namespace
}  // namespace twinhub::config
