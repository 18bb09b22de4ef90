#include "server/management/discovery.hpp"

#include "protocol/json/document.hpp"

#include <gtest/gtest.h>

namespace twinhub::management {
namespace {

std::string text_at(const json::Value& value, std::initializer_list<std::string_view> path) {
  json::Value at = value;
  for (const std::string_view name : path) {
    const auto member = at.find(name);
    if (!member) return "";
    at = *member;
  }
  return at.string().value_or("");
}

TEST(Discovery, AzReadsTheOldestVersion) {
  for (const std::string_view version : {"2015-01-01", ""}) {
    const auto document = json::parse(cloud_metadata("hub.local:9443", "GUID", version));
    ASSERT_TRUE(document);
    const json::Value root = document->root();
    EXPECT_EQ(text_at(root, {"graphEndpoint"}), "https://hub.local:9443/");
    EXPECT_EQ(text_at(root, {"authentication", "loginEndpoint"}), "https://hub.local:9443/adfs")
        << "no slash behind it";
    EXPECT_EQ(text_at(root, {"authentication", "tenant"}), "adfs");
    const auto audiences = root.find("authentication")->find("audiences");
    ASSERT_TRUE(audiences && audiences->kind() == json::Kind::array && !audiences->empty());
    EXPECT_EQ((*audiences->begin()).string(), "https://hub.local:9443/");
  }
}

TEST(Discovery, LaterVersionsAreAnArrayThenAnObjectOfTheSameFields) {
  const auto array = json::parse(cloud_metadata("h", "GUID", "2019-05-01"));
  const auto object = json::parse(cloud_metadata("h", "GUID", "2022-09-01"));
  ASSERT_TRUE(array && object);
  ASSERT_EQ(array->root().kind(), json::Kind::array);
  ASSERT_EQ(object->root().kind(), json::Kind::object);
  const json::Value first = *array->root().begin();
  EXPECT_EQ(first.text(), object->root().text());
  EXPECT_EQ(text_at(first, {"resourceManager"}), "https://h/");
  EXPECT_EQ(text_at(first, {"authentication", "tenant"}), "GUID");
  EXPECT_TRUE(first.find("suffixes")->find("storage"));
}

TEST(Discovery, TheIssuersFirstPathSegmentIsTheTenant) {
  const auto as_adfs = json::parse(openid_configuration("h:1", "adfs"));
  ASSERT_TRUE(as_adfs);
  EXPECT_EQ(text_at(as_adfs->root(), {"issuer"}), "https://h:1/adfs");
  EXPECT_EQ(text_at(as_adfs->root(), {"token_endpoint"}), "https://h:1/adfs/oauth2/token");
  const auto as_entra = json::parse(openid_configuration("h:1", "GUID"));
  ASSERT_TRUE(as_entra);
  EXPECT_EQ(text_at(as_entra->root(), {"issuer"}), "https://h:1/GUID/v2.0");
  EXPECT_EQ(text_at(as_entra->root(), {"token_endpoint"}), "https://h:1/GUID/oauth2/v2.0/token");
  EXPECT_EQ(text_at(as_entra->root(), {"authorization_endpoint"}), "https://h:1/GUID/oauth2/v2.0/authorize");
}

}  // namespace
}  // namespace twinhub::management
