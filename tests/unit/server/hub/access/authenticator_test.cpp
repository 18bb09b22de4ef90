#include "server/hub/access/authenticator.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/iothub/sas_token.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

std::string lower_hex(std::string text) {
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    if (text[i] != '%') continue;
    for (const std::size_t j : {i + 1, i + 2}) {
      if (text[j] >= 'A' && text[j] <= 'F') text[j] = static_cast<char>(text[j] + ('a' - 'A'));
    }
  }
  return text;
}

}  // namespace

struct AuthenticatorTest : testing::Test {
  AuthenticatorTest() {
    const std::string keys = R"({"authentication":{"symmetricKey":{"primaryKey":")" + device_primary +
                             R"(","secondaryKey":")" + device_secondary + R"("}}})";
    const std::string module_keys = R"({"authentication":{"symmetricKey":{"primaryKey":")" + module_primary +
                                    R"(","secondaryKey":")" + module_secondary + R"("}}})";
    EXPECT_TRUE(world.put(d1, keys));
    EXPECT_TRUE(world.put(m1, module_keys));
  }

  /// `resource` as it is to stand in the token.
  [[nodiscard]] std::string token(std::string_view resource, std::string_view key, std::string_view policy = {},
                                  std::int64_t seconds_left = 3600) const {
    const std::string expiry = std::to_string(static_cast<std::int64_t>(world.clock.unix_seconds()) + seconds_left);
    std::string text = "SharedAccessSignature sr=" + std::string(resource) +
                       "&sig=" + iothub::percent_encode(*iothub::sign(resource, expiry, key)) + "&se=" + expiry;
    if (!policy.empty()) text += "&skn=" + std::string(policy);
    return text;
  }
  [[nodiscard]] Result<DeviceLogin> login(const IdentityId& id, const std::string& sas) const {
    return world.hub.authenticator.login_device(id, sas);
  }
  [[nodiscard]] Errc refusal(const IdentityId& id, const std::string& sas) const {
    const auto result = login(id, sas);
    EXPECT_FALSE(result) << sas;
    return result ? Errc::server_error : result.error().code;
  }
  [[nodiscard]] bool may(const std::string& sas, std::string_view path, Right right) const {
    const auto result = world.hub.authenticator.authorize(sas, path, right);
    if (!result) {
      EXPECT_EQ(result.error().code, Errc::iot_hub_unauthorized_access);
      EXPECT_EQ(result.error().detail, "Unauthorized");
    }
    return result.has_value();
  }

  World world;
  const std::string device_primary = test_key('p');
  const std::string device_secondary = test_key('s');
  const std::string module_primary = test_key('m');
  const std::string module_secondary = test_key('n');
};

// Devices

TEST_F(AuthenticatorTest, EitherKeyOfADeviceOpensItsDoor) {
  const auto primary = login(d1, token("hub.local%2Fdevices%2Fd1", device_primary));
  ASSERT_TRUE(primary);
  EXPECT_EQ(primary->id, d1);
  EXPECT_EQ(primary->key_used, KeyUsed::primary);
  EXPECT_EQ(primary->generation_id, world.identity(d1).generation_id);
  EXPECT_EQ(primary->expires_at, world.clock.unix_seconds() + 3600);
  EXPECT_EQ(iothub::to_text(primary->auth_method(), primary->id),
            R"({"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})");

  const auto secondary = login(d1, token("hub.local%2Fdevices%2Fd1", device_secondary));
  ASSERT_TRUE(secondary);
  EXPECT_EQ(secondary->key_used, KeyUsed::secondary);
}

TEST_F(AuthenticatorTest, TheResourceMayBeWrittenAsAnySdkWritesIt) {
  for (const std::string_view resource :
       {"hub.local%2Fdevices%2Fd1", "hub.local%2fdevices%2fd1", "hub.local/devices/d1", "HUB.LOCAL%2FDEVICES%2FD1",
        "localhost/devices/d1", "127.0.0.1%3A8883%2Fdevices%2Fd1", "hub.local/devices/d1/",
        "hub.local/devices/d1/api-version=2016-11-14"}) {
    EXPECT_TRUE(login(d1, token(resource, device_primary))) << resource;
  }
}

TEST_F(AuthenticatorTest, ADeviceKeyTokenNamesExactlyItsDevice) {
  for (const std::string_view resource :
       {"hub.local", "hub.local%2Fdevices", "hub.local%2Fdevices%2Fd", "hub.local%2Fdevices%2Fd11",
        "hub.local%2Fdevices%2Fd2", "hub.local%2Fdevices%2Fd1%2Fmodules%2Fm1", "hub.local%2Ftwins%2Fd1",
        "hub.local%2Fdevices%2Fd1%2Fmessages"}) {
    EXPECT_EQ(refusal(d1, token(resource, device_primary)), Errc::iot_hub_unauthorized) << resource;
  }
}

TEST_F(AuthenticatorTest, IdsWithPercentSignsMayBeSentRawOrEncodedOnceOrTwice) {
  const IdentityId odd{"a%41#b", ""};
  ASSERT_TRUE(world.put(odd));
  const std::string key = world.identity(odd).primary_key;
  const std::string id_once = iothub::percent_encode(odd.device);
  for (const std::string& resource :
       {"hub/devices/" + odd.device, "hub/devices/" + id_once, iothub::percent_encode("hub/devices/" + odd.device),
        iothub::percent_encode("hub/devices/" + id_once),
        lower_hex(iothub::percent_encode("hub/devices/" + id_once))}) {
    EXPECT_TRUE(login(odd, token(resource, key))) << resource;
  }
}

TEST_F(AuthenticatorTest, AModuleComesWithItsOwnKeyOrItsDevices) {
  const std::string_view resource = "hub.local%2Fdevices%2Fd1%2Fmodules%2Fm1";
  const auto in = login(m1, token(resource, module_primary));
  ASSERT_TRUE(in);
  EXPECT_EQ(iothub::to_text(in->auth_method(), in->id),
            R"({"scope":"module","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})");
  EXPECT_TRUE(login(m1, token(resource, module_secondary)));
  for (const auto& key : {device_primary, device_secondary}) {
    const auto by_device = login(m1, token(resource, key));
    ASSERT_TRUE(by_device);
    EXPECT_EQ(by_device->id, m1);
    EXPECT_TRUE(login(m1, token("hub.local%2Fdevices%2Fd1", key)));
    EXPECT_EQ(refusal(m1, token("hub.local%2Fdevices%2Fd1%2Fmodules%2Fm2", key)), Errc::iot_hub_unauthorized);
    EXPECT_EQ(refusal(m1, token("hub.local%2Fdevices%2Fd2", key)), Errc::iot_hub_unauthorized);
    EXPECT_EQ(refusal(m1, token("hub.local", key)), Errc::iot_hub_unauthorized);
  }
  EXPECT_EQ(refusal(m1, token("hub.local%2Fdevices%2Fd1", module_primary)), Errc::iot_hub_unauthorized);
  EXPECT_EQ(refusal(d1, token("hub.local%2Fdevices%2Fd1", module_primary)), Errc::iot_hub_unauthorized);
}

TEST_F(AuthenticatorTest, APolicyOpensADeviceDoorOnlyWithDeviceConnect) {
  struct Case {
    std::string policy;
    char key;
    bool allowed;
  };
  for (const Case& c :
       {Case{"iothubowner", 'A', true}, Case{"iothubowner", 'B', true}, Case{"device", 'E', true},
        Case{"device", 'F', true}, Case{"service", 'C', false}, Case{"registryRead", 'G', false},
        Case{"registryReadWrite", 'I', false}, Case{"device", 'A', false}, Case{"nobody", 'E', false}}) {
    EXPECT_EQ(login(d1, token("hub.local", test_key(c.key), c.policy)).has_value(), c.allowed) << c.policy << c.key;
  }
}

TEST_F(AuthenticatorTest, APolicyTokenCoversWholeSegmentsOfItsScope) {
  const IdentityId d{"d", ""};
  ASSERT_TRUE(world.put(d));
  const std::string key = test_key('E');
  struct Case {
    std::string_view resource;
    IdentityId who;
    bool allowed;
  };
  for (const Case& c :
       {Case{"hub", d1, true}, Case{"hub%2Fdevices", d1, true}, Case{"hub%2Fdevices%2Fd1", d1, true},
        Case{"hub/devices/d1", m1, true}, Case{"hub/devices/d1/modules/m1", m1, true},
        Case{"hub/devices/d1/modules/m1", d1, false}, Case{"hub/devices/d", d1, false}, Case{"hub/devices/d", d, true},
        Case{"hub/device", d1, false}, Case{"hub/devices/d1", d, false}, Case{"hub/twins", d1, false}}) {
    const auto result = login(c.who, token(c.resource, key, "device"));
    EXPECT_EQ(result.has_value(), c.allowed) << c.resource << " for " << c.who.device << "/" << c.who.module;
    if (result) {
      EXPECT_EQ(result->key_used, KeyUsed::policy);
      EXPECT_EQ(iothub::to_text(result->auth_method(), result->id),
                R"({"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})");
    }
  }
}

TEST_F(AuthenticatorTest, APolicyTokenForADeviceOfAnotherNameOpensNoOther) {
  // Spelt as SDKs may, the name is d1's as long as nobody else bears it.
  const std::vector<std::string> spellings{"hub.local/devices/d%31", "hub.local%2Fdevices%2Fd%2531",
                                           "hub.local/devices/D1", "hub.local%2Fdevices%2FD1"};
  for (const std::string& resource : spellings) {
    EXPECT_TRUE(login(d1, token(resource, test_key('E'), "device"))) << resource;
  }
  const IdentityId chosen{"d%31", ""}, capital{"D1", ""};
  ASSERT_TRUE(world.put(chosen));
  ASSERT_TRUE(world.put(capital));
  for (const std::string& resource : spellings) {
    EXPECT_EQ(refusal(d1, token(resource, test_key('E'), "device")), Errc::iot_hub_unauthorized) << resource;
    EXPECT_EQ(refusal(m1, token(resource, test_key('E'), "device")), Errc::iot_hub_unauthorized) << resource;
  }
  EXPECT_TRUE(login(chosen, token(spellings[0], test_key('E'), "device")));
  EXPECT_TRUE(login(chosen, token(spellings[1], test_key('E'), "device")));
  EXPECT_TRUE(login(capital, token(spellings[2], test_key('E'), "device")));
  EXPECT_FALSE(may(token("hub.local/twins/d%31", test_key('C'), "service"), "/twins/d1", Right::service_connect));
  EXPECT_FALSE(may(token("hub.local%2Ftwins%2FD1", test_key('C'), "service"), "/twins/d1", Right::service_connect));
  EXPECT_TRUE(may(token("hub.local/twins/d%31", test_key('C'), "service"), "/twins/d%31", Right::service_connect));
}

TEST_F(AuthenticatorTest, ADeviceWhoseIdLooksLikeAnApiVersionWidensNoScope) {
  const IdentityId odd{"api-version=1", ""};
  ASSERT_TRUE(world.put(odd));
  const std::string sas = token("hub/devices/api-version=1", test_key('E'), "device");
  EXPECT_TRUE(login(odd, sas));
  EXPECT_FALSE(login(d1, sas));
}

TEST_F(AuthenticatorTest, AnExpiredTokenIsForgivenFiveMinutesOfClockSkew) {
  const std::string_view resource = "hub%2Fdevices%2Fd1";
  EXPECT_TRUE(login(d1, token(resource, device_primary, {}, -240)));
  EXPECT_TRUE(login(d1, token(resource, device_primary, {}, -300)));
  EXPECT_EQ(refusal(d1, token(resource, device_primary, {}, -301)), Errc::iot_hub_unauthorized);
  const std::string sas = token(resource, device_primary, {}, 10);
  EXPECT_TRUE(login(d1, sas));
  world.clock.advance_seconds(311);
  EXPECT_FALSE(login(d1, sas));
}

TEST_F(AuthenticatorTest, FieldsComeInAnyOrderAndAnEmptyPolicyNameIsNone) {
  const std::string expiry = std::to_string(world.clock.unix_seconds() + 60);
  const std::string resource = "hub%2Fdevices%2Fd1";
  const std::string sr = "sr=" + resource;
  const std::string sig = "sig=" + iothub::percent_encode(*iothub::sign(resource, expiry, device_primary));
  const std::string se = "se=" + expiry;
  for (const std::string& fields :
       {sr + "&" + sig + "&" + se + "&skn=", sig + "&" + se + "&" + sr, se + "&skn=&" + sr + "&" + sig}) {
    EXPECT_TRUE(login(d1, "SharedAccessSignature " + fields)) << fields;
  }
  for (const std::string& broken :
       {std::string(), std::string("x"), "SharedAccessSignature " + sr + "&" + se,
        "Bearer " + sr + "&" + sig + "&" + se, "SharedAccessSignature " + sr + "&sig=%%%&" + se,
        "SharedAccessSignature " + sr + "&sig=AAAA&" + se}) {
    EXPECT_EQ(refusal(d1, broken), Errc::iot_hub_unauthorized) << broken;
  }
}

TEST_F(AuthenticatorTest, AnUnknownDeviceIsNotFoundAndADisabledOneDisabled) {
  const IdentityId nobody{"nobody", ""};
  EXPECT_EQ(refusal(nobody, token("hub/devices/nobody", device_primary)), Errc::device_not_found);
  EXPECT_EQ(refusal({"d1", "m9"}, token("hub/devices/d1/modules/m9", device_primary)), Errc::device_not_found);
  EXPECT_EQ(refusal({"D1", ""}, token("hub/devices/D1", device_primary)),
            Errc::device_not_found);  // ids are case-sensitive

  const std::string disabled = R"({"status":"disabled","authentication":{"symmetricKey":{"primaryKey":")" +
                               device_primary + R"(","secondaryKey":")" + device_secondary + R"("}}})";
  ASSERT_TRUE(world.put(d1, disabled, "*"));
  EXPECT_EQ(refusal(d1, token("hub/devices/d1", device_primary)), Errc::device_disabled);
  EXPECT_EQ(refusal(d1, token("hub", test_key('E'), "device")), Errc::device_disabled);
  EXPECT_EQ(refusal(m1, token("hub/devices/d1/modules/m1", module_primary)), Errc::device_disabled);
  // Who has no key is not told of the status.
  EXPECT_EQ(refusal(d1, token("hub/devices/d1", test_key('x'))), Errc::iot_hub_unauthorized);
}

TEST_F(AuthenticatorTest, ATokenDoesNotOpenAnX509Identity) {
  const IdentityId x{"x", ""};
  ASSERT_TRUE(world.put(x, R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":")" +
                               std::string(40, 'a') + R"("}}})"));
  EXPECT_EQ(refusal(x, token("hub", test_key('E'), "device")), Errc::iot_hub_unauthorized);
  EXPECT_EQ(refusal(x, token("hub/devices/x", device_primary)), Errc::iot_hub_unauthorized);
}

TEST_F(AuthenticatorTest, ARefusalNamesNoKeyAndNoSignature) {
  const std::string sas = token("hub/devices/d1", test_key('x'));
  const auto refused = login(d1, sas);
  ASSERT_FALSE(refused);
  const auto parsed = iothub::parse_sas_token(sas);
  for (const std::string& secret : {device_primary, device_secondary, test_key('x'), parsed->signature}) {
    EXPECT_EQ(refused.error().detail.find(secret), std::string::npos);
  }
}

TEST_F(AuthenticatorTest, APolicysLoginIsVouchedForWhileThePolicyHasItsKeyAndRight) {
  const auto by_primary = login(d1, token("hub", test_key('E'), "device"));
  const auto by_secondary = login(d1, token("hub", test_key('F'), "device"));
  const auto own = login(d1, token("hub/devices/d1", device_primary));
  ASSERT_TRUE(by_primary && by_secondary && own);
  Authenticator& authenticator = world.hub.authenticator;
  const auto outcome = [&](const Policy& policy) {
    const auto before = authenticator.vouchers_generation();
    authenticator.replace_policies({policy});
    EXPECT_GT(authenticator.vouchers_generation(), before);
    EXPECT_TRUE(authenticator.still_vouched(*own) && authenticator.holds(*own));
    EXPECT_EQ(authenticator.holds(*by_primary), authenticator.still_vouched(*by_primary));
    return std::pair(authenticator.still_vouched(*by_primary), authenticator.still_vouched(*by_secondary));
  };
  EXPECT_EQ(outcome({"device", Right::device_connect, test_key('E'), test_key('F')}), std::pair(true, true));
  EXPECT_EQ(outcome({"device", Right::device_connect, test_key('F'), test_key('E')}), std::pair(true, true));
  EXPECT_EQ(outcome({"device", Right::device_connect, test_key('x'), test_key('F')}), std::pair(false, true));
  EXPECT_EQ(outcome({"device", Right::service_connect, test_key('E'), test_key('F')}), std::pair(false, false));
  EXPECT_EQ(outcome({"other", Right::device_connect, test_key('E'), test_key('F')}), std::pair(false, false));
  EXPECT_FALSE(login(d1, token("hub", test_key('E'), "device")));
}

TEST_F(AuthenticatorTest, ALoginStaysValidWhileItsKeyStatusAndTypeDo) {
  const auto login_primary = login(d1, token("hub/devices/d1", device_primary));
  const auto login_policy = login(d1, token("hub", test_key('E'), "device"));
  const auto login_module = login(m1, token("hub/devices/d1/modules/m1", module_primary));
  ASSERT_TRUE(login_primary && login_policy && login_module);
  const iothub::Identity before = world.identity(d1);

  auto now = before;
  now.status_reason = "x";
  EXPECT_TRUE(hub::still_valid(*login_primary, now));
  now.secondary_key = test_key('z');
  EXPECT_TRUE(hub::still_valid(*login_primary, now));  // not the key in use

  now = before;
  std::swap(now.primary_key, now.secondary_key);
  EXPECT_TRUE(hub::still_valid(*login_primary, now));  // swapped, still a key
  now.primary_key = test_key('y');
  now.secondary_key = test_key('z');
  EXPECT_FALSE(hub::still_valid(*login_primary, now));
  EXPECT_TRUE(hub::still_valid(*login_policy, now));

  now = before;
  now.status = iothub::Status::disabled;
  EXPECT_FALSE(hub::still_valid(*login_primary, now));
  EXPECT_FALSE(hub::still_valid(*login_policy, now));
  EXPECT_FALSE(hub::still_valid(*login_module, now));  // the module's device is disabled

  now = before;
  now.primary_key = test_key('y');
  EXPECT_TRUE(hub::still_valid(*login_module, now));
  now.authentication = iothub::AuthenticationType::self_signed;
  EXPECT_FALSE(hub::still_valid(*login_policy, now));
  now = before;
  now.generation_id += "1";
  EXPECT_FALSE(hub::still_valid(*login_primary, now));
}

TEST_F(AuthenticatorTest, ALoginEndsWithTheKeyThatSignedItWhereverThatKeyStood) {
  // Every sequence of two writes of the two keys; A is the primary key that the device came with.
  const std::string a = device_primary, b = device_secondary, c = test_key('c'), d = test_key('d');
  const auto with_a = login(d1, token("hub/devices/d1", a));
  const auto module_with_a = login(m1, token("hub/devices/d1", a));
  ASSERT_TRUE(with_a && module_with_a);
  const std::vector<std::string> keys{a, b, c, d};
  const auto write = [&](const std::string& primary, const std::string& secondary) {
    auto now = world.identity(d1);
    now.primary_key = primary;
    now.secondary_key = secondary;
    EXPECT_EQ(hub::still_valid(*with_a, now), primary == a || secondary == a) << primary << " " << secondary;
    EXPECT_EQ(hub::still_valid(*module_with_a, now), primary == a || secondary == a);
    const std::string body = R"({"deviceId":"d1","authentication":{"symmetricKey":{"primaryKey":")" + primary +
                             R"(","secondaryKey":")" + secondary + R"("}}})";
    ASSERT_TRUE(world.put(d1, body, "*"));
    if (primary != a && secondary != a) {
      EXPECT_FALSE(world.hub.authenticator.holds(*module_with_a)) << "the module's own record did not change";
      EXPECT_EQ(refusal(m1, token("hub/devices/d1", a)), Errc::iot_hub_unauthorized);
    } else {
      EXPECT_TRUE(world.hub.authenticator.holds(*module_with_a));
    }
  };
  for (const auto& p1 : keys) {
    for (const auto& s1 : keys) {
      for (const auto& p2 : keys) {
        for (const auto& s2 : keys) {
          write(p1, s1);
          write(p2, s2);
        }
      }
    }
  }
}

TEST_F(AuthenticatorTest, ALoginHoldsUntilItsRecordIsWrittenAgainOrItsDeviceIsDisabled) {
  const auto device = login(d1, token("hub/devices/d1", device_primary));
  const auto module = login(m1, token("hub/devices/d1/modules/m1", module_primary));
  ASSERT_TRUE(device && module);
  EXPECT_TRUE(world.hub.authenticator.holds(*device));
  EXPECT_TRUE(world.hub.authenticator.holds(*module));
  ASSERT_TRUE(world.put(d1, R"({"deviceId":"d1","statusReason":"x"})", "*"));
  EXPECT_FALSE(world.hub.authenticator.holds(*device));
  EXPECT_TRUE(world.hub.authenticator.holds(*module));
  ASSERT_TRUE(world.put(d1, R"({"deviceId":"d1","status":"disabled"})", "*"));
  EXPECT_FALSE(world.hub.authenticator.holds(*module));
}

// Back ends

TEST_F(AuthenticatorTest, EachPolicyHasItsRightsAndNoOthers) {
  struct Case {
    std::string policy;
    char key;
    bool read, write, service, device;
  };
  for (const Case& c :
       {Case{"iothubowner", 'A', true, true, true, true}, Case{"service", 'C', false, false, true, false},
        Case{"device", 'E', false, false, false, true}, Case{"registryRead", 'G', true, false, false, false},
        Case{"registryReadWrite", 'I', true, true, false, false}}) {
    for (const char key : {c.key, static_cast<char>(c.key + 1)}) {
      const std::string sas = token("hub.local", test_key(key), c.policy);
      EXPECT_EQ(may(sas, "/devices/d1", Right::registry_read), c.read) << c.policy;
      EXPECT_EQ(may(sas, "/devices/d1", Right::registry_write), c.write) << c.policy;
      EXPECT_EQ(may(sas, "/twins/d1", Right::service_connect), c.service) << c.policy;
      EXPECT_EQ(may(sas, "/devices/d1/messages/events", Right::device_connect), c.device) << c.policy;
      EXPECT_EQ(may(sas, "/x", Right::registry_read | Right::service_connect), c.read && c.service) << c.policy;
    }
  }
}

TEST_F(AuthenticatorTest, AScopeOpensPathsUnderItSegmentBySegment) {
  struct Case {
    std::string_view resource, path;
    bool allowed;
  };
  for (const Case& c :
       {Case{"hub", "/twins/d1", true}, Case{"hub/", "/twins/d1", true}, Case{"hub%2Ftwins", "/twins/d1", true},
        Case{"hub%2Ftwins%2Fd1", "/twins/d1", true}, Case{"hub%2Ftwins%2Fd1", "/twins/d1/modules/m1", true},
        Case{"hub%2FTWINS%2FD1", "/twins/d1", true}, Case{"hub%2Ftwins%2Fd", "/twins/d1", false},
        Case{"hub%2Ftwins%2Fd1", "/twins/d", false}, Case{"hub%2Ftwins%2Fd1", "/twins", false},
        Case{"hub%2Fdevices", "/twins/d1", false}, Case{"hub%2Ftwins", "/twins/", true},
        Case{"another.host%2Ftwins", "/twins/d1", true}}) {
    EXPECT_EQ(may(token(c.resource, test_key('C'), "service"), c.path, Right::service_connect), c.allowed)
        << c.resource << " " << c.path;
  }
}

TEST_F(AuthenticatorTest, NothingButAPolicysTokenOpensABackEndRoute) {
  const std::string good = token("hub", test_key('C'), "service");
  EXPECT_TRUE(may(good, "/twins/d1", Right::service_connect));
  EXPECT_TRUE(may("sharedaccesssignature" + good.substr(good.find(' ')), "/twins/d1", Right::service_connect));
  for (const std::string& bad :
       {std::string(), std::string("Bearer abc"), token("hub/devices/d1", device_primary), token("hub", device_primary),
        token("hub", test_key('C')), token("hub", test_key('C'), "Service2"), token("hub", test_key('A'), "service"),
        token("hub", test_key('C'), "service", -301)}) {
    EXPECT_FALSE(may(bad, "/twins/d1", Right::service_connect)) << bad;
  }
  EXPECT_TRUE(may(token("hub", test_key('C'), "service", -300), "/twins/d1", Right::service_connect));
}

TEST_F(AuthenticatorTest, APolicyWithoutKeysOpensNothing) {
  const Authenticator authenticator(*world.store, world.clock, world.hub.certificates,
                                    {{"empty", Right::service_connect, "", ""}});
  const std::string expiry = std::to_string(world.clock.unix_seconds() + 60);
  EXPECT_FALSE(
      authenticator.authorize("SharedAccessSignature sr=hub&sig=&se=" + expiry + "&skn=empty", "/", Right::none));
  EXPECT_FALSE(authenticator.authorize("SharedAccessSignature sr=hub&sig=AA%3D%3D&se=" + expiry + "&skn=empty", "/",
                                       Right::none));
}

}  // namespace twinhub::hub
