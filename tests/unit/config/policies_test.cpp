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

TEST(Policies, AnAbsentFileIsAnEmptyList) { EXPECT_TRUE(read_policies("/nonexistent/policies.toml").empty()); }

TEST(Policies, AFileThatLacksAPolicyOrIsBrokenIsRefused) {
  for (const char* text : {"[iothubowner]\nprimary_key = \"a\"\nsecondary_key = \"b\"\n", "[iothubowner\n"}) {
    std::ofstream(file()) << text;
    EXPECT_THROW((void)read_policies(file()), SettingsError);
    std::filesystem::remove(file());
  }
}

}  // namespace
}  // namespace twinhub::config
