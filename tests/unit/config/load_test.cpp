#include "config/load.hpp"

#include "tests/unit/config/toml_file.hpp"

#include <gtest/gtest.h>

namespace twinhub::config {
namespace {

TEST(Settings, FlagsBeatTheEnvironmentBeatsTheFileBeatsDefaults) {
  const TomlFile file("mqtts_port = 1\nhttps_port = 2\n\n[mqtt]\nin_flight_max = 3\n");
  Sources sources;
  sources.file = file.path();
  sources.environment = [](const char* name) -> const char* {
    if (std::string_view(name) == "TWINHUB_HTTPS_PORT") return "20";
    return std::string_view(name) == "TWINHUB_MQTT_IN_FLIGHT_MAX" ? "30" : nullptr;
  };
  sources.flags = {{"mqtt.in_flight_max", "300"}};
  const Loaded loaded = load(sources);
  EXPECT_EQ(loaded.settings.mqtts_port, 1);
  EXPECT_EQ(loaded.settings.https_port, 20);
  EXPECT_EQ(loaded.settings.mqtt_in_flight_max, 300U);
  EXPECT_EQ(loaded.settings.ops_port, 9600);
  EXPECT_EQ(loaded.origins.at("mqtts_port"), file.path().string() + ":1");
  EXPECT_EQ(loaded.origins.at("https_port"), "TWINHUB_HTTPS_PORT");
  EXPECT_EQ(loaded.origins.at("ops_port"), "default");
}

TEST(Settings, FaultsAreOnInDevModeUnlessSaidOtherwise) {
  const auto faults = [](std::vector<std::pair<std::string, std::string>> flags) {
    const Loaded loaded = load({.file = {}, .environment = {}, .flags = std::move(flags)});
    return std::pair(loaded.settings.faults, loaded.origins.at("faults"));
  };
  EXPECT_EQ(faults({}), std::pair(false, std::string("default")));
  EXPECT_EQ(faults({{"dev", "true"}}), std::pair(true, std::string("dev")));
  EXPECT_FALSE(faults({{"dev", "true"}, {"faults", "false"}}).first);
  EXPECT_TRUE(faults({{"faults", "true"}}).first);
}

TEST(Settings, ASkuIsOneOfIotHubs) {
  for (const char* sku : {"off", "F1", "S1", "S2", "S3"}) {
    EXPECT_EQ(refusal({.file = {}, .environment = {}, .flags = {{"sku", sku}}}), "taken");
  }
  EXPECT_NE(refusal({.file = {}, .environment = {}, .flags = {{"sku", "B1"}}}), "taken");
  EXPECT_NE(refusal({.file = {}, .environment = {}, .flags = {{"units", "0"}}}), "taken");
}

TEST(Settings, AWrongKeyIsRefusedWithItsLineAndTheNearestRightOne) {
  const TomlFile file("dev = true\nmqts_port = 5\n");
  const std::string words = refusal({.file = file.path(), .environment = {}, .flags = {}});
  EXPECT_NE(words.find(file.path().string() + ":2:"), std::string::npos) << words;
  EXPECT_NE(words.find("'mqts_port'"), std::string::npos) << words;
  EXPECT_NE(words.find("'mqtts_port'"), std::string::npos) << words;
}

TEST(Settings, AWrongValueIsRefusedWithItsPlaceAndRange) {
  const TomlFile file("\n\n[mqtt]\nin_flight_max = 0\n");
  const std::string words = refusal({.file = file.path(), .environment = {}, .flags = {}});
  EXPECT_NE(words.find(":4: mqtt.in_flight_max: '0' is not a whole number from 1 to 65535"), std::string::npos)
      << words;
  EXPECT_NE(refusal({.file = {}, .environment = {}, .flags = {{"mqtts_port", "70000"}}}).find("--mqtts-port"),
            std::string::npos);
  EXPECT_NE(refusal({.file = {}, .environment = {}, .flags = {{"durability", "maybe"}}}).find("sync, os, memory"),
            std::string::npos);
  EXPECT_NE(refusal({.file = {}, .environment = {}, .flags = {{"dev", "yes"}}}), "taken");
}

TEST(Settings, BrokenTomlIsRefusedWithItsLine) {
  const TomlFile file("dev = true\nlisten = \n");
  EXPECT_NE(refusal({.file = file.path(), .environment = {}, .flags = {}}).find(":2"), std::string::npos);
}

TEST(Settings, ACertificateNeedsItsKey) {
  EXPECT_NE(refusal({.file = {}, .environment = {}, .flags = {{"tls.certificate", "a.pem"}}}).find("together"),
            std::string::npos);
}

TEST(Settings, HostNamesAreAList) {
  const TomlFile file("host_names = [\"a.local\", \"10.0.0.1\"]\n");
  const Loaded loaded = load({.file = file.path(), .environment = {}, .flags = {}});
  EXPECT_EQ(loaded.settings.host_names, (std::vector<std::string>{"a.local", "10.0.0.1"}));
  EXPECT_NE(describe(loaded).find("host_names = [\"a.local\", \"10.0.0.1\"]"), std::string::npos);
}

TEST(Settings, TheExampleFileHoldsEverySettingAtItsDefault) {
  const Loaded loaded = load({.file = TWINHUB_EXAMPLE, .environment = {}, .flags = {}});
  const Loaded defaults = load({});
  for (const SettingInfo& info : all_settings()) {
    EXPECT_NE(loaded.origins.find(info.key)->second, "default") << info.key << " is missing in the example";
    EXPECT_EQ(info.show(loaded.settings), info.show(defaults.settings)) << info.key;
  }
}

TEST(Settings, WhatDescribePrintsLoadsAgain) {
  const TomlFile file(
      describe(load({.file = {}, .environment = {}, .flags = {{"mqtts_port", "7"}, {"log.level", "debug"}}})));
  const Loaded loaded = load({.file = file.path(), .environment = {}, .flags = {}});
  EXPECT_EQ(loaded.settings.mqtts_port, 7);
  EXPECT_EQ(loaded.settings.log_level, "debug");
}

}  // namespace
}  // namespace twinhub::config
