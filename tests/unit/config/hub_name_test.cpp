#include "config/hub_name.hpp"
#include "tests/support/cpp/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <fstream>

namespace twinhub::config {
namespace {

TEST(HubName, IsTheFirstHostNamesFirstLabel) {
  Settings settings;
  EXPECT_EQ(hub_name(settings), "localhost");
  settings.host_names = {"factory.example.com", "other"};
  EXPECT_EQ(hub_name(settings), "factory");
  settings.host_names = {"127.0.0.1"};
  EXPECT_EQ(hub_name(settings), "127.0.0.1");
  settings.host_names = {"::1"};
  EXPECT_EQ(hub_name(settings), "::1");
  settings.events_hub_name = "plant";
  EXPECT_EQ(hub_name(settings), "plant");
}

TEST(HubName, InUseIsWhatTheHubWasStartedWith) {
  const test::TemporaryFolder folder("hub_name");
  Settings settings;
  settings.data_dir = folder.path().string();
  settings.host_names = {"127.0.0.1"};
  EXPECT_EQ(hub_name_in_use(settings), "127.0.0.1");
  std::ofstream(hub_name_file(settings)) << "factory\n";
  EXPECT_EQ(hub_name_in_use(settings), "factory");
  settings.events_hub_name = "plant";
  EXPECT_EQ(hub_name_in_use(settings), "plant");
}

}  // namespace
}  // namespace twinhub::config
