#include "protocol/iothub/connect_fields.hpp"

#include <gtest/gtest.h>

namespace twinhub::iothub {
namespace {

struct UserName {
  const char* text;
  const char* device;
  const char* module;
  const char* api_version;
  const char* model_id;
};

TEST(UserNames, AreReadInEverySpellingOnRecord) {
  const UserName cases[] = {
      {"hub.local/dev1/?api-version=2021-04-12&DeviceClientType=x", "dev1", "", "2021-04-12", ""},
      {"hub.local/dev1/mod1/?api-version=2021-04-12", "dev1", "mod1", "2021-04-12", ""},
      {"hub.local/dev1/api-version=2016-11-14", "dev1", "", "2016-11-14", ""},
      {"hub.local/dev1/mod1/api-version=2017-11-08-preview", "dev1", "mod1", "2017-11-08-preview", ""},
      {"hub.local/dev1", "dev1", "", "", ""},
      {"hub.local/dev1/", "dev1", "", "", ""},
      {"hub.local/dev1/?", "dev1", "", "", ""},
      {"hub.local/dev1/?api-version=1&api-version=2", "dev1", "", "1", ""},
      {"h/d/?api-version=2020-09-30&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1", "d", "", "2020-09-30",
       "dtmi:com:example:Thermostat;1"},
      {"h/d/?api-version=2020-09-30&model-id=dtmi:com:example:Thermostat;1", "d", "", "2020-09-30",
       "dtmi:com:example:Thermostat;1"},
      {"h/d/?api-version=2020-09-30&DeviceClientType=a/b c", "d", "", "2020-09-30", ""},
      {"h/d/api-version=2017-06-30/DeviceClientType=Microsoft.Azure.Devices.Client/1.5.1", "d", "", "2017-06-30", ""},
      {"h/ d / ?api-version=1", "d", "", "1", ""},
      {"h/d/?DeviceClientType=x", "d", "", "", ""},
      {"h/d/DeviceClientType=azure-iot-device%2F1.0.14", "d", "", "", ""},
      {"h/d/DeviceClientType=x&api-version=2016-11-14", "d", "", "2016-11-14", ""},
      {"h/d/model-id=dtmi:a;1", "d", "", "", "dtmi:a;1"},
      {"h/d/m/DeviceClientType=x", "d", "m", "", ""},
      {"h/d/DeviceClientType=x/?api-version=2021-04-12", "d", "DeviceClientType=x", "2021-04-12", ""},
      {"h/d/my-api-version=2/?api-version=2021-04-12", "d", "my-api-version=2", "2021-04-12", ""},
      {"h/d/DeviceClientType", "d", "DeviceClientType", "", ""},
  };
  for (const auto& c : cases) {
    const auto fields = parse_user_name(c.text);
    ASSERT_TRUE(fields) << c.text;
    EXPECT_EQ(fields->id.device, c.device) << c.text;
    EXPECT_EQ(fields->id.module, c.module) << c.text;
    EXPECT_EQ(fields->api_version, c.api_version) << c.text;
    EXPECT_EQ(fields->model_id, c.model_id) << c.text;
  }
}

TEST(UserNames, ThatNameNobodyAreRefused) {
  for (const char* text : {"", "hub", "hub/", "/dev1/?api-version=1", "hub//?api-version=1", "hub/a b/?api-version=1",
                           "hub/d/m n/?api-version=1"}) {
    EXPECT_FALSE(parse_user_name(text)) << text;
  }
}

TEST(UserNames, NameAClientTypeWithOrWithoutAnApiVersion) {
  EXPECT_EQ(parse_user_name("h/d/DeviceClientType=azure-iot-device%2F1.0.14")->client_type, "azure-iot-device/1.0.14");
}

TEST(ClientIds, AreRaw) {
  EXPECT_EQ(client_id_of({"dev1", ""}), "dev1");
  EXPECT_EQ(client_id_of({"d%41", "m"}), "d%41/m");
}

}  // namespace
}  // namespace twinhub::iothub
