#include "server/cli/credentials.hpp"

#include "config/policies.hpp"
#include "protocol/iothub/connection_string.hpp"
#include "tests/support/cpp/temporary_folder.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::cli {
namespace {

using testing::HasSubstr;

/// An empty data folder of its own.
class CliCredentials : public testing::Test {
 protected:
  CliCredentials() { settings_.data_dir = folder_.path().string(); }

  [[nodiscard]] std::filesystem::path policies_file() const {
    return std::filesystem::path(settings_.data_dir) / "policies.toml";
  }

  test::TemporaryFolder folder_{"cli"};
  config::Settings settings_;
};

TEST_F(CliCredentials, TheFirstHostNameStandsInConnectionStrings) {
  EXPECT_EQ(host_name_of(settings_), "localhost");
  settings_.host_names = {"hub.example", "other.example"};
  EXPECT_EQ(host_name_of(settings_), "hub.example");
}

TEST_F(CliCredentials, InDevModeEveryPolicyHasTheWellKnownKey) {
  settings_.dev = true;
  for (const std::string_view policy : config::policy_names) {
    const auto credentials = policy_credentials(settings_, std::string(policy));
    ASSERT_TRUE(credentials) << policy;
    EXPECT_EQ(iothub::to_string(*credentials), "HostName=localhost;SharedAccessKeyName=" + std::string(policy) +
                                                   ";SharedAccessKey=" + std::string(config::dev_primary_key));
  }
}

TEST_F(CliCredentials, OtherwiseThePrimaryKeyOfThePoliciesFileIsTaken) {
  std::vector<config::PolicyKeys> policies;
  for (const std::string_view name : config::policy_names)
    policies.push_back({std::string(name), "primary-of-" + std::string(name), "secondary"});
  std::ofstream(policies_file()) << config::policies_text(policies);
  const auto service = policy_credentials(settings_, "service");
  ASSERT_TRUE(service);
  EXPECT_EQ(service->shared_access_key, "primary-of-service");
  const auto nobody = policy_credentials(settings_, "nobody");
  ASSERT_FALSE(nobody);
  EXPECT_THAT(nobody.error().detail, HasSubstr("there is no policy 'nobody'; known: iothubowner, service"));
}

TEST_F(CliCredentials, WithoutAStartedHubThePersonIsToldWhatToDo) {
  const auto policy = policy_credentials(settings_, "service");
  ASSERT_FALSE(policy);
  EXPECT_THAT(policy.error().detail, HasSubstr("start the hub on this data folder first, or say --dev"));
  const auto device = identity_credentials(settings_, {"d", ""});
  ASSERT_FALSE(device);
  EXPECT_THAT(device.error().detail, HasSubstr("there is no store in " + settings_.data_dir));
}

TEST_F(CliCredentials, APoliciesFileThatIsBrokenIsNamedWithItsFault) {
  const auto words_for = [&](const std::string& text) {
    std::ofstream(policies_file()) << text;
    const auto policy = policy_credentials(settings_, "service");
    return policy ? "taken" : policy.error().detail;
  };
  EXPECT_THAT(words_for("\n[[\n"), HasSubstr("policies.toml:2: "));
  EXPECT_THAT(words_for("[iothubowner]\nprimary_key = \"QQ==\"\n"),
              HasSubstr("policy iothubowner has no primary_key and secondary_key"));
}

}  // namespace
}  // namespace twinhub::cli
