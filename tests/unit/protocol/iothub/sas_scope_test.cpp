#include "protocol/iothub/sas_scope.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace twinhub::iothub {
namespace {

/// Whether a policy's token for `resource` opens `path` in a hub that has just these identities.
bool opens(std::string_view resource, std::string_view path, const std::set<IdentityId>& identities) {
  return policy_covers(resource, resource_path(path), [&](const IdentityId& id) { return identities.contains(id); });
}

const std::set<IdentityId> only_dev1{{"dev1", ""}, {"dev1", "m1"}};

TEST(PolicyScope, IsAPrefixByWholeSegments) {
  for (const char* resource : {"h", "h/devices", "h%2Fdevices", "h/devices/dev1", "h%2fdevices%2Fdev1",
                               "h/DEVICES/dev1", "h/devices/dev1/api-version=2016-11-14"}) {
    EXPECT_TRUE(opens(resource, "/devices/dev1", only_dev1)) << resource;
    EXPECT_TRUE(opens(resource, "/devices/dev1/modules/m1", only_dev1)) << resource;
  }
  for (const char* resource : {"h/devices/dev", "h/devices/dev2", "h/twins/dev1", "h/devices/dev1/modules/m",
                               "h%2Fdevices%2Fdev", "h/devices/dev1/modules/m1/x"}) {
    EXPECT_FALSE(opens(resource, "/devices/dev1/modules/m1", only_dev1)) << resource;
  }
}

/// What names no host names no hub, and so nothing in it.
TEST(PolicyScope, WhatWasEncodedOnceTooOftenOpensNothing) {
  for (const char* resource : {"h%252Fdevices%252Fdev1", "h%25252Fdevices", "%252Fdevices%252Fdev1", "", "h h", "h?x",
                               "h%00", "sb%253A%252F%252Fh", "a=b", "h;/devices/dev1"}) {
    EXPECT_FALSE(opens(resource, "/devices/dev1", only_dev1)) << resource;
    EXPECT_FALSE(opens(resource, "/configurations", only_dev1)) << resource;
  }
  for (const char* resource : {"hub-7.example_net", "[fe80::1]:8443", "127.0.0.1", "HUB.local/"})
    EXPECT_TRUE(opens(resource, "/devices/dev1", only_dev1)) << resource;
}

TEST(PolicyScope, ANameThatSomebodyBearsOpensNobodyElse) {
  const auto with = [](std::string_view other) {
    auto identities = only_dev1;
    identities.insert({std::string(other), ""});
    return identities;
  };
  struct Case {
    const char *resource, *literal;
  };
  for (const Case& c : {Case{"h/devices/dev%31", "dev%31"}, Case{"h%2Fdevices%2Fdev%2531", "dev%31"},
                        Case{"h%2Fdevices%2FDEV1", "DEV1"}, Case{"h/devices/DEV1", "DEV1"},
                        Case{"h/devices/%64ev1", "%64ev1"}, Case{"h/devices/%44EV1", "%44EV1"}}) {
    EXPECT_FALSE(opens(c.resource, "/devices/dev1", with(c.literal))) << c.resource;
    EXPECT_FALSE(opens(c.resource, "/devices/dev1/modules/m1", with(c.literal))) << c.resource;
    EXPECT_TRUE(opens(c.resource, "/devices/" + std::string(c.literal), with(c.literal))) << c.resource;
    EXPECT_TRUE(opens(c.resource, "/devices/dev1", only_dev1)) << c.resource << ": as SDKs spell it";
  }
}

TEST(PolicyScope, TheMostLiteralNameThatSomebodyBearsIsMeant) {
  const std::set<IdentityId> both{{"dev1", ""}, {"DEV1", ""}};
  EXPECT_FALSE(opens("h/devices/DEV%31", "/devices/dev1", both));
  EXPECT_TRUE(opens("h/devices/DEV%31", "/devices/DEV1", both));
  const std::set<IdentityId> all{{"dev1", ""}, {"dev%31", ""}, {"dev%2531", ""}};
  EXPECT_TRUE(opens("h/devices/dev%2531", "/devices/dev%2531", all));
  EXPECT_FALSE(opens("h/devices/dev%2531", "/devices/dev%31", all));
  EXPECT_FALSE(opens("h/devices/dev%2531", "/devices/dev1", all));
}

TEST(PolicyScope, ASchemeStandsInFrontAlone) {
  for (const char* resource :
       {"sb://h/hub", "sb%3A%2F%2Fh%2Fhub", "AMQPS://h:5671/hub", "https%3a%2f%2Fh/hub", "sb://h"}) {
    EXPECT_TRUE(opens(resource, "/hub/$management", only_dev1)) << resource;
  }
  // Nobody's choice of a device's name makes a token for that device one for the hub.
  for (const char* resource : {"h/devices/a%3A%2F%2Fb", "h%2Fdevices%2Fa%3A%2F%2Fb", "h%2Fdevices%2Fa%253A%252F%252Fb",
                               "h/devices/a://b", "sb://h/devices/a%3A%2F%2Fb", "sb://h%2Fdevices%2Fa%3A%2F%2Fb",
                               "sb%3A%2F%2Fh%2Fdevices%2Fa%3A%2F%2Fb", "x://sb://h", "sb://h/hub2"}) {
    EXPECT_FALSE(opens(resource, "/messages/devicebound", only_dev1)) << resource;
    EXPECT_FALSE(opens(resource, "/devices/dev1", only_dev1)) << resource;
    EXPECT_FALSE(opens(resource, "/", only_dev1)) << resource;
  }
}

TEST(PolicyScope, IsReadAlikeForTwinsAndDigitalTwins) {
  const std::set<IdentityId> both{{"dev1", ""}, {"dev%31", ""}};
  for (const std::string collection : {"twins", "digitaltwins", "devices"}) {
    EXPECT_FALSE(opens("h/" + collection + "/dev%31", "/" + collection + "/dev1", both));
    EXPECT_FALSE(opens("h%2F" + collection + "%2Fdev%2531", "/" + collection + "/dev1/methods", both));
    EXPECT_TRUE(opens("h/" + collection + "/dev%31", "/" + collection + "/dev%31", both));
    EXPECT_TRUE(opens("h/" + collection + "/dev1", "/" + collection + "/dev1/methods", both));
  }
}

TEST(PolicyScope, IsReadAlikeForModules) {
  const std::set<IdentityId> both{{"d", ""}, {"d", "m1"}, {"d", "m%31"}, {"d", "M1"}};
  EXPECT_FALSE(opens("h/devices/d/modules/m%31", "/devices/d/modules/m1", both));
  EXPECT_FALSE(opens("h/devices/d/modules/M1", "/devices/d/modules/m1", both));
  EXPECT_TRUE(opens("h/devices/d/modules/m%31", "/devices/d/modules/m%31", both));
  EXPECT_TRUE(opens("h/devices/d/modules/m%31", "/devices/d/modules/m1", {{"d", ""}, {"d", "m1"}}));
}

TEST(PolicyScope, OfANameInACollectionWithoutIdentitiesIsReadFreely) {
  EXPECT_TRUE(opens("h/jobs/v2/J1", "/jobs/v2/j1/cancel", only_dev1));
  EXPECT_FALSE(opens("h/jobs/v2/j2", "/jobs/v2/j1", only_dev1));
}

TEST(OwnScope, NamesExactlyTheIdentityInAnySpelling) {
  for (const char* resource :
       {"h/devices/dev1", "h%2Fdevices%2Fdev1", "H%2fDevices%2fDEV1", "h/devices/dev%31", "h%2Fdevices%2Fdev%2531"})
    EXPECT_TRUE(names_identity(resource, {"dev1", ""})) << resource;
  for (const char* resource : {"h", "h/devices", "h/devices/dev", "h/devices/dev2", "h/devices/dev1/modules/m1"})
    EXPECT_FALSE(names_identity(resource, {"dev1", ""})) << resource;
  EXPECT_TRUE(names_identity("h/devices/dev1/modules/m1", {"dev1", "m1"}));
  EXPECT_FALSE(names_identity("h/devices/dev1", {"dev1", "m1"}));
  EXPECT_TRUE(names_identity("h/devices/d%41", {"d%41", ""})) << "azure-iot-sdk-c does not encode";
}

}  // namespace
}  // namespace twinhub::iothub
