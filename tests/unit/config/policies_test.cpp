#include "config/policies.hpp"

#include "config/settings.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>

namespace twinhub::config {
namespace {

std::filesystem::path file() {
  return std::filesystem::temp_directory_path() / ("twinhub-policies-" + std::to_string(::getpid()) + ".toml");
}

TEST(Policies, GoToTheirFileAndBack) {
  std::ofstream(file()) << policies_text(dev_policies());
  const auto policies = read_policies(file());
  std::filesystem::remove(file());
  ASSERT_EQ(policies.size(), 5U);
  EXPECT_EQ(policies[0].name, "iothubowner");
  EXPECT_EQ(policies[4].name, "registryReadWrite");
  EXPECT_EQ(policies[4].primary_key, dev_primary_key);
  EXPECT_EQ(policies[4].secondary_key, dev_secondary_key);
}

TEST(Policies, OthersKeepTheirRightsAndDeletedOnesStayAway) {
  auto kept = dev_policies();
  kept.erase(kept.begin() + 3);
  kept.push_back({"dash.board_1", "p", "s", {"ServiceConnect", "RegistryRead"}});
  std::ofstream(file()) << policies_text(kept);
  const auto policies = read_policies(file());
  std::filesystem::remove(file());
  ASSERT_EQ(policies.size(), 5U);
  EXPECT_EQ(policies[2].name, "device");
  EXPECT_EQ(policies[3].name, "registryReadWrite") << "registryRead is gone";
  EXPECT_EQ(policies[4].name, "dash.board_1");
  EXPECT_EQ(policies[4].primary_key, "p");
  EXPECT_EQ(policies[4].rights, (std::vector<std::string>{"ServiceConnect", "RegistryRead"}));
  EXPECT_TRUE(policies[0].rights.empty()) << "every hub's policies have their own";
}

TEST(Policies, AnyNameIsAPolicysAlsoTheWordDeleted) {
  auto kept = dev_policies();
  kept.erase(kept.begin() + 1);
  kept.push_back({"deleted", "p", "s", {"ServiceConnect"}});
  std::ofstream(file()) << policies_text(kept);
  const auto policies = read_policies(file());
  std::filesystem::remove(file());
  ASSERT_EQ(policies.size(), 5U);
  EXPECT_EQ(policies[1].name, "device") << "service is gone";
  EXPECT_EQ(policies[4].name, "deleted");
}

TEST(Policies, AFileOfAnOlderHubNamesTheDeletedOnesToo) {
  std::string text = "deleted = [\"device\"]\n";
  for (const auto* name : {"iothubowner", "service", "registryRead", "registryReadWrite"})
    text += "[" + std::string(name) + "]\nprimary_key = \"p\"\nsecondary_key = \"s\"\n";
  std::ofstream(file()) << text;
  const auto policies = read_policies(file());
  std::filesystem::remove(file());
  ASSERT_EQ(policies.size(), 4U);
  EXPECT_EQ(policies[2].name, "registryRead");
}

TEST(Policies, TheManagementKeyHasAFileOfItsOwn) {
  EXPECT_FALSE(read_management_keys("/nonexistent/management.toml"));
  std::ofstream(file()) << management_text({"management", "p", "s"});
  const auto keys = read_management_keys(file());
  std::filesystem::remove(file());
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->primary_key, "p");
  EXPECT_EQ(keys->secondary_key, "s");
  std::ofstream(file()) << "[management]\nprimary_key = \"p\"\n";
  EXPECT_THROW((void)read_management_keys(file()), SettingsError);
  std::filesystem::remove(file());
}

TEST(Policies, AnAbsentFileIsAnEmptyList) { EXPECT_TRUE(read_policies("/nonexistent/policies.toml").empty()); }

TEST(Policies, AFileThatLacksAPolicyOrIsBrokenIsRefused) {
  const std::string extra = policies_text(dev_policies()) + "[more]\nprimary_key = \"a\"\nsecondary_key = \"b\"\n";
  for (const char* text :
       {extra.c_str(), "[iothubowner]\nprimary_key = \"a\"\nsecondary_key = \"b\"\n", "[iothubowner\n"}) {
    std::ofstream(file()) << text;
    EXPECT_THROW((void)read_policies(file()), SettingsError);
    std::filesystem::remove(file());
  }
}

}  // namespace
}  // namespace twinhub::config
