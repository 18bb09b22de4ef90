// Modules: identities of their own inside a device. Each reaches what is its own, over the same topics as a device.
#include "protocol/json/document.hpp"
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

const IdentityId camera{"dev1", "camera"};
const std::string camera_events = "devices/dev1/modules/camera/messages/events/";
const std::string all_methods = "$iothub/methods/POST/#";

std::string value_of(const std::vector<iothub::Property>& properties, std::string_view name) {
  for (const auto& property : properties) {
    if (property.name == name) return property.value.value_or("(null)");
  }
  return "(absent)";
}

/// A hub where dev1 has the modules camera and microphone, and dev2 a camera of its own.
struct Modules : WireHub {
  Modules() {
    put(camera);
    put({"dev1", "microphone"});
    put({"dev2", "camera"});
  }
};

std::vector<std::uint8_t> suback(MqttClient& client, const Filters& filters) {
  client.send(subscribe_packet(7, filters));
  const Packet answer = client.expect();
  EXPECT_EQ(answer.first_byte, 0x90);
  return {answer.body.begin() + 2, answer.body.end()};
}

TEST(ModulesWire, AModulesTwinIsItsOwn) {
  Modules hub;
  MqttClient device = hub.subscriber(dev1, {{twin_responses, 0}, {desired_changes, 0}});
  MqttClient module = hub.subscriber(camera, {{twin_responses, 0}, {desired_changes, 0}});
  hub.patch(camera, R"({"properties":{"desired":{"fps":25}}})");
  EXPECT_EQ(module.expect_message().payload, R"({"fps":25,"$version":2})");
  EXPECT_EQ(report(module, R"({"fps":24})", "9").topic, "$iothub/twin/res/204/?$rid=9&$version=2");
  EXPECT_EQ(get_twin(module).payload, R"({"desired":{"fps":25,"$version":2},"reported":{"fps":24,"$version":2}})");
  EXPECT_EQ(get_twin(device).payload, R"({"desired":{"$version":1},"reported":{"$version":1}})");
}

TEST(ModulesWire, TelemetryOfAModuleSaysWhoseItIsAndByWhichOutput) {
  Modules hub;
  MqttClient module = hub.connect(camera);
  module.send(publish_packet({.topic = camera_events + "%24.on=alerts&%24.cdid=someone&%24.cmid=else&level=3/",
                              .payload = "{}",
                              .qos = 1,
                              .packet_id = 4}));
  EXPECT_EQ(module.expect(), (Packet{0x40, std::string("\x00\x04", 2)}));
  const auto events = hub.telemetry(camera);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(value_of(events[0].system, "iothub-connection-device-id"), "dev1");
  EXPECT_EQ(value_of(events[0].system, "iothub-connection-module-id"), "camera");
  EXPECT_EQ(value_of(events[0].system, "iothub-outputname"), "alerts");
  EXPECT_EQ(value_of(events[0].system, "iothub-connection-auth-method"),
            R"({"scope":"module","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})");
  EXPECT_EQ(value_of(events[0].application, "level"), "3");
  EXPECT_EQ(events[0].application.size(), 1U);
  EXPECT_TRUE(hub.telemetry(dev1).empty());
}

TEST(ModulesWire, MethodsReachTheModuleThatIsMeant) {
  Modules hub;
  MqttClient device = hub.subscriber(dev1, {{all_methods, 0}});
  MqttClient module = hub.subscriber(camera, {{all_methods, 0}});
  auto call = hub.invoke(camera, {.name = "shoot"});
  const Message request = module.expect_message();
  const std::string rid = request.topic.substr(request.topic.find("$rid=") + 5);
  device.send(publish_packet({.topic = "$iothub/methods/res/200/?$rid=" + rid, .payload = "\"device\""}));
  device.send(pingreq);
  EXPECT_EQ(device.expect().first_byte, 0xD0);  // no request came before it, and the answer met nobody
  module.send(publish_packet({.topic = "$iothub/methods/res/201/?$rid=" + rid, .payload = "\"module\""}));
  const auto answer = call.get();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->payload, "\"module\"");
  EXPECT_EQ(hub.invoke({"dev1", "microphone"}, {.name = "listen"}).get().error().code, Errc::device_not_online);
  EXPECT_EQ(hub.invoke({"dev1", "nose"}, {.name = "smell"}).get().error().code, Errc::module_not_found);
}

TEST(ModulesWire, EveryFilterThatSdksSendIsTaken) {
  Modules hub;
  MqttClient module = hub.connect(camera);
  EXPECT_EQ(suback(module, {{"devices/dev1/modules/camera/inputs/#", 1},
                            {"devices/dev1/modules/camera/#", 1},
                            {"devices/dev1/modules/camera/messages/devicebound/#", 1},
                            {twin_responses, 0},
                            {all_methods, 1}}),
            (std::vector<std::uint8_t>{1, 1, 1, 0, 1}));
}

TEST(ModulesWire, NobodySubscribesToAnothersTopics) {
  Modules hub;
  MqttClient module = hub.connect(camera);
  for (const char* filter :
       {"devices/dev1/messages/devicebound/#", "devices/+/messages/devicebound/#", "devices/dev1/#",
        "devices/dev1/modules/microphone/inputs/#", "devices/dev2/modules/camera/inputs/#",
        "devices/dev1/modules/+/inputs/#", "devices/dev1/modules/camera/inputs/one", "#"}) {
    EXPECT_EQ(suback(module, {{filter, 0}}), std::vector<std::uint8_t>{0x80}) << filter;
  }
  MqttClient device = hub.connect(dev1);
  for (const char* filter : {"devices/dev1/modules/camera/inputs/#", "devices/dev1/modules/camera/#",
                             "devices/dev1/modules/#", "devices/dev1/modules/camera/messages/devicebound/#"}) {
    EXPECT_EQ(suback(device, {{filter, 0}}), std::vector<std::uint8_t>{0x80}) << filter;
  }
}

TEST(ModulesWire, NobodyPublishesToAnothersTopics) {
  Modules hub;
  for (const char* topic : {"devices/dev1/messages/events/", "devices/dev1/modules/microphone/messages/events/",
                            "devices/dev2/modules/camera/messages/events/", "devices/dev1/modules/camera/inputs/one",
                            "devices/dev1/modules/camera/messages/devicebound/"}) {
    MqttClient module = hub.connect(camera);
    module.send(publish_packet({.topic = topic, .payload = "{}", .qos = 1, .packet_id = 1}));
    EXPECT_EQ(module.drain(), 0U) << topic;
  }
  MqttClient device = hub.connect(dev1);
  device.send(publish_packet({.topic = camera_events, .payload = "{}", .qos = 1, .packet_id = 1}));
  EXPECT_EQ(device.drain(), 0U);
  EXPECT_TRUE(hub.telemetry(dev1).empty());
  EXPECT_TRUE(hub.telemetry(camera).empty());
}

TEST(ModulesWire, AKeyOpensItsOwnDoorAndADevicesKeyItsModules) {
  Modules hub;
  const auto code_with = [&](const IdentityId& id, const IdentityId& token_of) {
    ConnectFields fields = hub.credentials(id);
    fields.password = hub.token(token_of);
    MqttClient client(hub.port());
    return connect_code(client, fields);
  };
  EXPECT_EQ(code_with(camera, camera), 0);
  EXPECT_EQ(code_with(camera, dev1), 0);
  EXPECT_EQ(code_with(camera, dev2), 5);
  EXPECT_EQ(code_with(dev1, camera), 5);
  EXPECT_EQ(code_with(camera, {"dev1", "microphone"}), 5);
  EXPECT_EQ(code_with(camera, {"dev2", "camera"}), 5);
}

TEST(ModulesWire, AModulesSessionAndItsDevicesAreKeptApart) {
  Modules hub;
  {
    MqttClient module = hub.connect(camera);
    EXPECT_EQ(suback(module, {{desired_changes, 0}}), std::vector<std::uint8_t>{0});
  }
  hub.restart();
  MqttClient device(hub.port());
  device.send(connect_packet(hub.credentials(dev1)));
  EXPECT_EQ(device.expect().body[0], 0);  // session present
  MqttClient module(hub.port());
  module.send(connect_packet(hub.credentials(camera)));
  EXPECT_EQ(module.expect().body[0], 1);
  hub.patch(camera, R"({"properties":{"desired":{"fps":25}}})");
  EXPECT_EQ(module.expect_message().payload, R"({"fps":25,"$version":2})");
}

TEST(ModulesWire, AModulesWillIsItsOwnTelemetry) {
  Modules hub;
  ConnectFields fields = hub.credentials(camera);
  fields.will = WillFields{.topic = camera_events, .message = "gone"};
  MqttClient module = hub.connect(fields);
  module.reset();
  ASSERT_TRUE(eventually([&] { return hub.telemetry(camera).size() == 1; }));
  EXPECT_EQ(hub.telemetry(camera)[0].body, "gone");
}

}  // namespace
}  // namespace twinhub::test
