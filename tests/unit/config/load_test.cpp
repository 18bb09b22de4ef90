#include "config/load.hpp"

#include "tests/unit/config/toml_file.hpp"

#include <gtest/gtest.h>

namespace twinhub::config {
namespace {

TEST(Settings, FlagsBeatTheEnvironmentBeatsTheFileBeatsDefaults) {
  const TomlFile file("mqtts_port = 1\nhttps_port = 2\n\n[mqtt]\nin_flight_max = 3\n");
  Sources sources;
  sources.file = file.path();
  sources.environment = {{"TWINHUB_HTTPS_PORT", "20"}, {"TWINHUB_MQTT_IN_FLIGHT_MAX", "30"}};
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

TEST(Settings, DevListensOnThisMachineAloneUnlessItIsTold) {
  const auto listen = [](std::vector<std::pair<std::string, std::string>> flags) {
    return load({.file = {}, .environment = {}, .flags = std::move(flags)}).settings.listen;
  };
  EXPECT_EQ(listen({}), "0.0.0.0");
  EXPECT_EQ(listen({{"dev", "true"}}), "127.0.0.1");
  EXPECT_EQ(listen({{"dev", "true"}, {"listen", "0.0.0.0"}}), "0.0.0.0");
  const Loaded told = load({.file = {}, .environment = {{"TWINHUB_LISTEN", "::"}}, .flags = {{"dev", "true"}}});
  EXPECT_EQ(told.settings.listen, "::");
}

TEST(Settings, DevIsManagedAndErasedUnlessSaidOtherwise) {
  const auto settings = [](std::vector<std::pair<std::string, std::string>> flags, const char* in_environment = "") {
    return load({.file = {}, .environment = {{"TWINHUB_MANAGEMENT", in_environment}}, .flags = std::move(flags)})
        .settings;
  };
  EXPECT_FALSE(settings({}).management_enabled);
  EXPECT_EQ(settings({}).management_delete, "refuse");
  EXPECT_TRUE(settings({{"dev", "true"}}).management_enabled);
  EXPECT_EQ(settings({{"dev", "true"}}).management_delete, "erase");
  EXPECT_FALSE(settings({{"dev", "true"}}, "off").management_enabled);
  EXPECT_TRUE(settings({}, "on").management_enabled);
  EXPECT_EQ(settings({}, "on").management_delete, "refuse");
  EXPECT_FALSE(settings({{"management.enabled", "off"}}, "on").management_enabled);
  EXPECT_EQ(settings({{"dev", "true"}, {"management.delete", "refuse"}}).management_delete, "refuse");
}

TEST(Settings, NamesForResourceManagerAreThoseThatAzureAllows) {
  const auto taken = [](const char* key, const std::string& text) {
    return refusal({.file = {}, .environment = {}, .flags = {{key, text}}}) == "taken";
  };
  EXPECT_TRUE(taken("management.hub_name", "contoso-hub"));
  EXPECT_TRUE(taken("management.hub_name", ""));
  for (const char* name : {"ab", "a.b.c", "hub-", "hub_1", "h\"ub"})
    EXPECT_FALSE(taken("management.hub_name", name)) << name;
  EXPECT_FALSE(taken("management.hub_name", std::string(51, 'a')));
  EXPECT_TRUE(taken("management.resource_group", "my_group-1.(x)"));
  for (const char* name : {"", "group.", "a b", "a/b"}) EXPECT_FALSE(taken("management.resource_group", name)) << name;
}

TEST(Settings, TheHubsNameIsOneThatEventHubsClientsCanAddress) {
  const auto taken = [](const std::string& text) {
    return refusal({.file = {}, .environment = {}, .flags = {{"events.hub_name", text}}}) == "taken";
  };
  for (const char* name : {"", "factory", "my hub", "127.0.0.1"}) EXPECT_TRUE(taken(name)) << name;
  for (const char* name : {"messages", "devices", "$management", "a;b"}) EXPECT_FALSE(taken(name)) << name;
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
  EXPECT_NE(refusal({.file = {}, .environment = {}, .flags = {{"dev", "maybe"}}}), "taken");
}

TEST(Settings, AVariableThatIsNoSettingIsRefusedWithTheNearestOneThatIs) {
  const auto words = [](const char* name) { return refusal({.file = {}, .environment = {{name, "1"}}, .flags = {}}); };
  EXPECT_EQ(words("TWINHUB_MQTTS_PROT"),
            "TWINHUB_MQTTS_PROT: there is no such setting; did you mean TWINHUB_MQTTS_PORT?");
  EXPECT_NE(words("TWINHUB_").find("there is no such setting"), std::string::npos);
  EXPECT_NE(words("TWINHUB_ADMISSION_CONECTIONS_MAX").find("TWINHUB_ADMISSION_CONNECTIONS_MAX"), std::string::npos);
  EXPECT_EQ(words("TWINHUB_CONFIG"), "taken") << "the command line reads it";
  for (const SettingInfo& info : all_settings()) {
    const std::string name = environment_name(info.key);
    EXPECT_EQ(words(name.c_str()).find("no such setting"), std::string::npos) << name;
  }
}

TEST(Settings, WhatKubernetesSaysOfAServiceIsNoSetting) {
  const Loaded loaded = load({.file = {},
                              .environment = {{"TWINHUB_SERVICE_HOST", "10.0.0.1"},
                                              {"TWINHUB_SERVICE_PORT", "443"},
                                              {"TWINHUB_SERVICE_PORT_HTTPS", "443"},
                                              {"TWINHUB_PORT", "tcp://10.0.0.1:443"},
                                              {"TWINHUB_PORT_443_TCP", "tcp://10.0.0.1:443"},
                                              {"TWINHUB_PORT_443_TCP_ADDR", "10.0.0.1"},
                                              {"TWINHUB_MQTTS_PORT", "tcp://10.0.0.1:8883"}},
                              .flags = {}});
  EXPECT_EQ(loaded.settings.mqtts_port, 8883);
  EXPECT_EQ(loaded.origins.at("mqtts_port"), "default");
  EXPECT_NE(refusal({.file = {}, .environment = {{"TWINHUB_PORT", "443"}}, .flags = {}}), "taken") << "somebody's";
}

TEST(Settings, AnEmptyVariableIsNone) {
  const Loaded loaded = load({.file = {}, .environment = {{"TWINHUB_MQTTS_PORT", ""}}, .flags = {}});
  EXPECT_EQ(loaded.settings.mqtts_port, 8883);
  EXPECT_EQ(loaded.origins.at("mqtts_port"), "default");
  EXPECT_EQ(refusal({.file = {}, .environment = {{"TWINHUB_MQTTS_PROT", ""}}, .flags = {}}).find("TWINHUB_MQTTS_PROT"),
            0U)
      << "a wrong name is one, whatever it says";
}

TEST(Settings, TrueAndFalseHaveTheFormsThatPeopleWrite) {
  for (const SettingInfo& info : all_settings()) {
    if (const std::string shown = info.show(Settings{}); shown != "true" && shown != "false") continue;
    const auto value = [&info](const char* text) {
      Settings settings;
      info.assign(settings, text);
      return info.show(settings);
    };
    for (const char* yes : {"true", "1", "yes", "on"}) EXPECT_EQ(value(yes), "true") << info.key;
    for (const char* no : {"false", "0", "no", "off"}) EXPECT_EQ(value(no), "false") << info.key;
    for (const char* neither : {"", "2", "TRUE ", "y"}) EXPECT_THROW((void)value(neither), SettingsError) << info.key;
  }
}

TEST(Settings, AHostNameIsOneThatACertificateCanCarry) {
  const auto taken = [](const std::string& text) {
    return refusal({.file = {}, .environment = {}, .flags = {{"host_names", text}}}) == "taken";
  };
  for (const char* name : {"hub", "hub.plant-7.local", "10.0.0.1", "::1", "fe80::1", "my_service"})
    EXPECT_TRUE(taken(name)) << name;
  for (const char* name : {"a b", "https://hub", "hub:8883/x", "h\"ub", "hub;x", "[::1]", "cab:80"})
    EXPECT_FALSE(taken(name)) << name;
  EXPECT_TRUE(taken(std::string(63, 'a') + ".b"));
  EXPECT_FALSE(taken(std::string(64, 'a') + ".b"));
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

TEST(Settings, ConsumerGroupsAreAListOfNames) {
  const Loaded loaded = load({.file = {}, .environment = {}, .flags = {{"events.consumer_groups", "dash_1,a.b-c"}}});
  EXPECT_EQ(loaded.settings.events_consumer_groups, (std::vector<std::string>{"dash_1", "a.b-c"}));
  const std::string too_long(51, 'x');
  for (const std::string& name : {std::string("a/b"), std::string("two words"), std::string("$Default"), too_long}) {
    EXPECT_NE(refusal({.file = {}, .environment = {}, .flags = {{"events.consumer_groups", name}}})
                  .find("is no consumer group's name"),
              std::string::npos)
        << name;
  }
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
