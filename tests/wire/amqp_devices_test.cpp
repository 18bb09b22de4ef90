// Devices and modules that share AMQP connections: a thousand on one, take-overs between the doors, rates and quotas,
// certificates, and what a module is.
#include "tests/wire/amqp_parts.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

namespace twinhub::test {
namespace {

using amqp::Value;
using std::chrono::seconds;

const IdentityId module_m{"dev1", "m"};

std::string self_signed(const TestCertificate& certificate) {
  return R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":")" +
         certificate.certificate().sha1_thumbprint() + R"("}}})";
}

AmqpClient with(const WireHub& hub, const std::vector<TestCertificate>& chain) {
  return AmqpClient(MqttClient(hub.amqps_port(), {.ca = hub.ca(), .certificates = chain}));
}

/// A new connection with a link for telemetry as handle 2.
void enter_with_telemetry(AmqpClient& client, const WireHub& hub, const IdentityId& id) {
  enter_as(client, hub, id);
  (void)client.attach(2, true, address_of(id, "messages/events"));
}

TEST(AmqpDevices, AThousandShareAConnectionAndEndOneByOne) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  constexpr std::uint32_t devices = 1000;
  const auto id_of = [](std::uint32_t i) { return IdentityId{"shared" + std::to_string(i), ""}; };
  std::map<std::uint64_t, std::uint32_t> device_of;  // by the hub's handles
  for (std::uint32_t i = 0; i < devices; ++i) {
    hub.put(id_of(i));
    ASSERT_EQ(client.put_token(audience_of(id_of(i)), hub.token(id_of(i))), 200);
    device_of[client.attach(10 + 2 * i, true, address_of(id_of(i), "messages/events")).fields[1].bits] = i;
    device_of[client.attach(11 + 2 * i, false, address_of(id_of(i), "twin")).fields[1].bits] = i;
  }
  client.send(flow_frame(1, 2000));  // for replies of $cbs
  EXPECT_EQ(client.put_token(audience_of(dev1), hub.token(dev1)), 403) << "tokens of 1,000 identities";
  const auto expect_end_of = [&](std::uint32_t device, const std::string& condition) {
    for (int link = 0; link < 2; ++link) {
      const AmqpFrame detach = client.expect(0x16);
      EXPECT_EQ(device_of.at(detach.fields[0].bits), device);
      EXPECT_EQ(condition_in(detach.fields[2]), condition);
    }
  };
  hub.remove(id_of(7));
  expect_end_of(7, "amqp:not-found");
  hub.put(id_of(8), R"({"authentication":{"symmetricKey":{"primaryKey":")" + base64_encode(std::string(32, 'n')) +
                        R"(","secondaryKey":")" + base64_encode(std::string(32, 'o')) + R"("}}})");
  expect_end_of(8, "amqp:unauthorized-access");
  hub.put(id_of(9), R"({"status":"disabled"})");
  expect_end_of(9, "amqp:unauthorized-access");
  MqttClient elsewhere = hub.connect(id_of(999));
  expect_end_of(999, "amqp:link:stolen");
  for (std::uint32_t i = 0; i < devices; i += 111) {
    if (i == 999) continue;
    EXPECT_TRUE(is_accepted(client.outcome_of(10 + 2 * i, message_to("", "undisturbed"))));
    EXPECT_TRUE(hub.is_connected(id_of(i)));
  }
  for (const std::uint32_t gone : {7U, 8U, 9U}) EXPECT_FALSE(hub.is_connected(id_of(gone)));
  EXPECT_EQ(hub.amqp_figures().links, 2 + 2 * (devices - 4));
  // One that has a new key is back, on the same connection.
  EXPECT_EQ(client.put_token(audience_of(id_of(8)), hub.token(id_of(8))), 200);
  (void)client.attach(5000, true, address_of(id_of(8), "messages/events"));
  EXPECT_TRUE(is_accepted(client.outcome_of(5000, message_to("", "back"))));
}

TEST(AmqpDevices, TheNewestConnectionHasTheDeviceWhicheverDoorItCameBy) {
  WireHub hub;
  hub.put({"third", ""});
  AmqpClient client(hub.amqp_port());
  enter_with_telemetry(client, hub, dev1);
  ASSERT_EQ(client.put_token(audience_of({"third", ""}), hub.token({"third", ""})), 200);
  (void)client.attach(3, true, "/devices/third/messages/events");
  for (std::uint32_t round = 0; round < 3; ++round) {
    MqttClient mqtt = hub.connect(dev1);
    EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:link:stolen");
    EXPECT_TRUE(hub.is_connected(dev1));
    EXPECT_TRUE(is_accepted(client.outcome_of(3, message_to("", "of another identity"))));
    // Its token is as good as before.
    (void)client.attach(10 + round, true, "/devices/dev1/messages/events");
    EXPECT_EQ(mqtt.drain(), 0U);
    EXPECT_TRUE(is_accepted(client.outcome_of(10 + round, message_to("", "back by AMQP"))));
    EXPECT_TRUE(hub.is_connected(dev1));
  }
  client.send(amqp_frame(0x18, {}));
  (void)client.expect(0x18);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1) && !hub.is_connected({"third", ""}); }));
}

TEST(AmqpDevices, ADeviceIsConnectedWhileItHasALink) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  EXPECT_FALSE(hub.is_connected(dev1)) << "a token is no link";
  (void)client.attach(2, true, address_of(dev1, "twin"));
  EXPECT_TRUE(hub.is_connected(dev1));
  (void)client.attach(3, false, address_of(dev1, "methods/devicebound"));
  client.send(detach_frame(2));
  (void)client.expect(0x16);
  EXPECT_TRUE(hub.is_connected(dev1));
  client.send(detach_frame(3));
  (void)client.expect(0x16);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
}

TEST(AmqpDevices, ARenewedTokenKeepsWhatIsUnderWay) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_with_telemetry(client, hub, dev1);
  (void)client.attach(3, false, address_of(dev1, "messages/devicebound"));
  client.send(flow_frame(3, 10));
  hub.send(dev1, "hello");
  const AmqpReceived message = client.expect_message();
  hub.store().hold();
  const std::uint32_t waiting = client.next_delivery();
  client.send(transfer_frame(2, waiting, encode_message(message_to("", "waits for the disk"))));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() > 0; }));
  EXPECT_EQ(client.put_token(audience_of(dev1), hub.token(dev1)), 200);
  hub.store().release();
  const AmqpFrame stored = client.expect(0x15);
  EXPECT_EQ(stored.fields[1], Value::uint(waiting));
  EXPECT_TRUE(is_accepted(stored.fields[4]));
  client.settle(message.delivery, accepted_outcome());
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
}

TEST(AmqpDevices, AModuleHasEverythingUnderItsOwnName) {
  WireHub hub;
  hub.put(module_m);
  AmqpClient client(hub.amqp_port());
  enter_with_telemetry(client, hub, module_m);
  amqp::Message message = message_to("", "21");
  message.application_properties.add(Value::string("iothub-outputname"), Value::string("temperatures"));
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message)));
  ASSERT_EQ(hub.telemetry(module_m).size(), 1U);
  const auto system = hub.telemetry(module_m)[0].system;
  EXPECT_TRUE(std::any_of(system.begin(), system.end(), [](const iothub::Property& property) {
    return property.name == "iothub-outputname" && property.value == "temperatures";
  }));
  // Both addresses of inputs: one link each, silent.
  (void)client.attach(3, false, address_of(module_m, "messages/devicebound"));
  (void)client.attach(4, false, address_of(module_m, "messages/events"));
  client.send(flow_frame(3, 10) + flow_frame(4, 10));
  hub.send(dev1, "for the device");
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message)));
  EXPECT_TRUE(hub.is_connected(module_m));
  EXPECT_FALSE(hub.is_connected(dev1));
}

TEST(AmqpDevices, AModulesTokenIsNotItsDevices) {
  WireHub hub;
  hub.put(module_m);
  hub.put({"dev1", "n"});
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, module_m);
  std::uint32_t handle = 2;
  for (const IdentityId& other : {dev1, IdentityId{"dev1", "n"}, dev2, IdentityId{"dev2", "m"}}) {
    for (const char* const what : {"messages/events", "twin", "methods/devicebound"})
      EXPECT_EQ(refusal_of(client, handle++, true, address_of(other, what)), "amqp:unauthorized-access");
  }
  (void)client.attach(handle, true, address_of(module_m, "twin"));
}

TEST(AmqpDevices, LinksOfTheWrongDirectionAreRefused) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  EXPECT_EQ(refusal_of(client, 2, true, address_of(dev1, "messages/devicebound")), "amqp:not-found");
  EXPECT_EQ(refusal_of(client, 3, false, address_of(dev1, "messages/events")), "amqp:not-found");
  EXPECT_EQ(refusal_of(client, 4, false, address_of(dev1, "methods")), "amqp:not-found");
  EXPECT_FALSE(hub.is_connected(dev1));
}

hub::HubOptions limited(hub::Sku sku, seconds burst, seconds backlog) {
  hub::HubOptions options;
  options.gate.throttle = {.sku = sku, .units = 1, .burst = burst, .backlog = backlog};
  return options;
}

TEST(AmqpLimits, OverTheRateTelemetryIsRejected) {
  WireHub hub({}, limited(hub::Sku::s1, seconds(0), seconds(0)));
  AmqpClient client(hub.amqp_port());
  enter_with_telemetry(client, hub, dev1);
  std::string burst;
  constexpr std::uint32_t count = 50;
  for (std::uint32_t i = 0; i < count; ++i)
    burst += transfer_frame(2, client.next_delivery(), encode_message(message_to("", "t")));
  client.send(burst);
  std::uint32_t rejected = 0;
  for (std::uint32_t settled = 0; settled < count;) {
    const AmqpFrame disposition = client.expect(0x15);
    const auto outcomes = static_cast<std::uint32_t>(outcomes_in(disposition));
    settled += outcomes;
    if (is_accepted(disposition.fields[4])) continue;
    rejected += outcomes;
    EXPECT_EQ(condition_in(disposition.fields[4]), "com.microsoft:device-container-throttled");
  }
  EXPECT_GT(rejected, 0U);
  EXPECT_EQ(hub.telemetry(dev1).size(), count - rejected);
}

TEST(AmqpLimits, OverTheRateCreditIsWithheldForAWhile) {
  WireHub hub({}, limited(hub::Sku::s1, seconds(0), seconds(60)));  // a hundred messages a second, from the first on
  AmqpClient client(hub.amqp_port());
  enter_with_telemetry(client, hub, dev1);
  CreditWatch watch;
  while (watch.allowed < 100) watch.read(client);  // what the link begins with
  std::string burst;
  for (std::uint32_t i = 0; i < 100; ++i)
    burst += transfer_frame(2, client.next_delivery(), encode_message(message_to("", "t")));
  const auto began = std::chrono::steady_clock::now();
  client.send(burst);
  while (watch.allowed <= 100) watch.read(client);
  // The hundredth message had its turn first. All were taken at once.
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(950));
  while (watch.accepted < 100) watch.read(client);
  EXPECT_EQ(hub.telemetry(dev1).size(), 100U);
}

TEST(AmqpLimits, ALinkOverTheRateDoesNotHoldUpOthersOfItsConnection) {
  WireHub hub({}, limited(hub::Sku::s1, seconds(0), seconds(600)));
  AmqpClient client(hub.amqp_port());
  enter_with_telemetry(client, hub, dev1);
  hub.use_up(hub::Operation::telemetry, 30'000);  // the next one's turn is in 300 s: no read waits for so long
  std::string burst;
  for (std::uint32_t i = 0; i < 100; ++i)
    burst += settled_transfer(client, 2, message_to("", std::string(60'000, 't')));
  client.send(burst);
  ASSERT_EQ(client.put_token(audience_of(dev2), hub.token(dev2)), 200);
}

TEST(AmqpLimits, TheDaysLastMessageIsTheLast) {
  WireHub hub({}, limited(hub::Sku::f1, seconds(60), seconds(10)));  // 8000 of 0.5 KB
  AmqpClient client(hub.amqp_port());
  enter_with_telemetry(client, hub, dev1);
  const std::string big(262'000, 'x');  // 512 messages each
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("", big)))) << i;
  EXPECT_EQ(condition_in(client.outcome_of(2, message_to("", big))), "amqp:resource-limit-exceeded");
  EXPECT_TRUE(hub.is_connected(dev1)) << "only new ones are kept out";
}

TEST(AmqpLimits, AConnectionOverItsRateOfBytesIsHeldBackAndItsNeighbourIsNot) {
  hub::HubOptions options;
  options.gate.device_bytes = {.per_second = 1, .burst = 64 * 1024};
  WireHub hub({}, options);
  AmqpClient client(hub.amqp_port());
  enter_with_telemetry(client, hub, dev1);
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("", std::string(55'000, 'x')))));
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("", std::string(12'000, 'y')))));  // comes in one read
  client.send(settled_transfer(client, 2, message_to("", "held back")));
  AmqpClient neighbour(hub.amqp_port());
  enter_with_telemetry(neighbour, hub, dev2);
  EXPECT_TRUE(is_accepted(neighbour.outcome_of(2, message_to("", "served"))));
  EXPECT_EQ(hub.telemetry(dev1).size(), 2U);
  // What the device has sent goes with it to its next connection.
  client.transport().reset();
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  AmqpClient again(hub.amqp_port());
  enter_with_telemetry(again, hub, dev1);
  EXPECT_TRUE(is_accepted(again.outcome_of(2, message_to("", std::string(12'000, 'z')))));
  again.send(settled_transfer(again, 2, message_to("", "held back")));
  EXPECT_TRUE(is_accepted(neighbour.outcome_of(2, message_to("", "served"))));
  EXPECT_EQ(hub.telemetry(dev1).size(), 3U);
}

TEST(AmqpFaults, OrdersOfFaultsAreOrdinaryMessages) {
  hub::HubOptions options;
  options.gate.faults = true;
  WireHub hub({}, options);
  AmqpClient client(hub.amqp_port());
  enter_with_telemetry(client, hub, dev1);
  for (const char* const type : {"KillTcp", "KillAmqpConnection", "KillAmqpD2CLink", "InvokeThrottling"}) {
    amqp::Message message = message_to("", "fault");
    message.application_properties.add(Value::string("AzIoTHub_FaultOperationType"), Value::string(type));
    message.application_properties.add(Value::string("AzIoTHub_FaultOperationDelayInSecs"), Value::string("0"));
    EXPECT_TRUE(is_accepted(client.outcome_of(2, message))) << type;
  }
  EXPECT_EQ(hub.telemetry(dev1).size(), 4U);
  EXPECT_EQ(hub.gate_figures().faults, 0U);
}

TEST(AmqpCertificates, ACertificateDoesNotOpenModulesNorWithoutItsDates) {
  WireHub hub;
  const TestCertificate own, expired({.ends = -60});
  hub.put(dev1, self_signed(own));
  hub.put(dev2, self_signed(expired));
  hub.put(module_m);
  AmqpClient client = with(hub, {own});
  client.open();
  EXPECT_EQ(refusal_of(client, 0, true, address_of(module_m, "twin")), "amqp:unauthorized-access");
  (void)client.attach(1, true, address_of(dev1, "twin"));
  (void)client.attach(2, false, address_of(dev1, "twin"));
  client.send(flow_frame(2, 10));
  client.send(settled_transfer(client, 1, twin_message({.operation = "GET"})));
  EXPECT_EQ(number_annotation(client.expect_message().message, "status"), 200);
  AmqpClient late = with(hub, {expired});
  late.open();
  EXPECT_EQ(refusal_of(late, 0, true, address_of(dev2, "twin")), "amqp:unauthorized-access");
}

TEST(AmqpCertificates, APasswordCountsBesideACertificate) {
  WireHub hub;
  const TestCertificate own;
  hub.put(dev1, self_signed(own));
  AmqpClient client = with(hub, {own});
  ASSERT_EQ(client.sasl("PLAIN", plain_response("dev2@sas.hub", hub.token(dev2))), 0U);
  client.open();
  (void)client.attach(0, true, address_of(dev2, "messages/events"));
  EXPECT_TRUE(is_accepted(client.outcome_of(0, message_to("", "by token"))));
  AmqpClient wrong = with(hub, {own});
  EXPECT_EQ(wrong.sasl("PLAIN", plain_response("dev1@sas.hub", hub.token(dev2))), 1U);
}

TEST(AmqpCertificates, LinksEndWithTheirCertificate) {
  amqp_door::DoorOptions options;
  options.token_expiry_grace = seconds(0);
  WireHub hub({}, {}, options);
  const TestCertificate root({.common_names = {"root"}, .is_ca = true});
  hub.put_ca("root", root.certificate());
  hub.put(dev1, R"({"authentication":{"type":"certificateAuthority"}})");
  const TestCertificate soon({.issuer = &root, .ends = 6});  // from here on nothing waits for a disk
  AmqpClient client = with(hub, {soon});
  client.open();
  (void)client.attach(0, true, address_of(dev1, "messages/events"));
  EXPECT_TRUE(hub.is_connected(dev1)) << "in time";
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:unauthorized-access");
  EXPECT_TRUE(client.expect(0x18).fields[0].is_null());
  EXPECT_FALSE(client.read());
  EXPECT_FALSE(hub.is_connected(dev1));
}

}  // namespace
}  // namespace twinhub::test
