#include "server/cli/command_line.hpp"

#include "config/policies.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

namespace twinhub::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
  int code = -1;
  std::string out, errors;
  std::optional<config::Settings> served;  ///< by `serve`
};

Outcome run_twinhub(std::vector<std::string> words) {
  words.insert(words.begin(), "twinhub");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Outcome outcome;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const auto serve = [&](const config::Loaded& loaded) {
    outcome.served = loaded.settings;
    return 42;
  };
  outcome.code = run(static_cast<int>(words.size()), argv.data(),
                     {.serve = serve, .check = [](const config::Loaded&) { return 43; }});
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.errors = testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(CliCommandLine, ServeGetsTheSettingsAndReturnsItsOwnExitCode) {
  const Outcome outcome = run_twinhub({"serve", "--dev", "--https-port", "8443", "--host-name", "a", "b"});
  EXPECT_EQ(outcome.code, 42);
  ASSERT_TRUE(outcome.served);
  EXPECT_TRUE(outcome.served->dev);
  EXPECT_EQ(outcome.served->https_port, 8443);
  EXPECT_THAT(outcome.served->host_names, ElementsAre("a", "b"));
}

TEST(CliCommandLine, HelpAndVersionAreNoErrors) {
  const Outcome version_outcome = run_twinhub({"--version"});
  EXPECT_EQ(version_outcome.code, exit_ok);
  EXPECT_EQ(version_outcome.out, "twinhub " + std::string(version()) + "\n");
  const Outcome help = run_twinhub({"serve", "--help"});
  EXPECT_EQ(help.code, exit_ok);
  EXPECT_THAT(help.out, HasSubstr("--https-port"));
  EXPECT_FALSE(help.served);
}

TEST(CliCommandLine, ACommandThatThereIsNotNamesTheOneThatWasMeant) {
  EXPECT_THAT(run_twinhub({"devcie", "list"}).errors, HasSubstr("did you mean 'twinhub device'?"));
  EXPECT_THAT(run_twinhub({"device", "lst"}).errors, HasSubstr("did you mean 'twinhub device list'?"));
  EXPECT_THAT(run_twinhub({"help", "device", "creat"}).errors, HasSubstr("did you mean 'twinhub device create'?"));
  const Outcome far_off = run_twinhub({"xylophone"});
  EXPECT_EQ(far_off.errors, "twinhub: there is no command 'xylophone'; 'twinhub --help' lists those there are\n");
}

TEST(CliCommandLine, ACommandThatOnlyGroupsOthersPrintsItsHelp) {
  EXPECT_THAT(run_twinhub({}).errors, HasSubstr("connection-string"));
  EXPECT_THAT(run_twinhub({"device"}).errors, HasSubstr("create"));
}

TEST(CliCommandLine, HelpIsTheHelpOfItsWords) {
  const Outcome outcome = run_twinhub({"help", "device", "create"});
  EXPECT_EQ(outcome.code, exit_ok);
  EXPECT_EQ(outcome.out, run_twinhub({"device", "create", "--help"}).out);
  EXPECT_EQ(run_twinhub({"help"}).out, run_twinhub({"--help"}).out);
}

TEST(CliCommandLine, VersionNamesTheCommit) {
  const Outcome outcome = run_twinhub({"version"});
  EXPECT_EQ(outcome.code, exit_ok);
  EXPECT_THAT(outcome.out, testing::MatchesRegex(
                               "twinhub [0-9]+\\.[0-9]+\\.[0-9]+(~git[0-9.]+[.][0-9a-f]+(\\.dirty)?)? \\(.+\\)\n"));
}

TEST(CliCommandLine, HelpOfACommandThatSpeaksToAHubDoesNotShowTheHubsSettings) {
  const std::string help = run_twinhub({"device", "list", "--help"}).out;
  for (const char* shown : {"--data-dir", "--connection-string", "--ca", "--context"})
    EXPECT_THAT(help, HasSubstr(shown));
  for (const char* hidden : {"--sku", "--durability", "--mqtts-port"}) EXPECT_THAT(help, Not(HasSubstr(hidden)));
  EXPECT_THAT(run_twinhub({"serve", "--help"}).out, Not(HasSubstr("--connection-string")));
}

TEST(CliCommandLine, ConfigIsCheckedByWhoServes) {
  EXPECT_EQ(run_twinhub({"config", "--check"}).code, 43);
  EXPECT_THAT(run_twinhub({"config"}).out, HasSubstr("mqtts_port = 8883"));
}

TEST(CliCommandLine, WhatIsNotUnderstoodIsAUsageErrorAndRunsNothing) {
  const std::vector<std::vector<std::string>> cases{
      {},
      {"nonsense"},
      {"serve", "--nonsense"},
      {"serve", "--https-port", "seventy"},
      {"serve", "--https-port", "70000"},
      {"serve", "--config", "/nowhere/at/all.toml"},
      {"device"},
      {"device", "create"},
      {"device", "create", "d", "--auth", "password"},
      {"device", "create", "d", "--dev", "--auth", "selfsigned"},
      {"device", "create", "d", "--dev", "--thumbprint", "AA"},
      {"device", "update", "d", "--status", "sleeping"},
      {"connection-string", "--module", "m"},
      {"connection-string", "--policy", "service", "--device", "d"},
      {"token", "--dev", "--seconds", "soon"},
      {"method", "invoke", "d", "m", "--timeout", "4"},
      {"method", "invoke", "d", "m", "--timeout", "301"},
      {"twin", "set", "d", "--dev"},
      {"twin", "set", "d", "--dev", "reported.x=1"},
      {"twin", "set", "d", "--dev", "tags.x=1", "--patch", "file.json"},
      {"completion", "powershell"},
  };
  for (const auto& words : cases) {
    const Outcome outcome = run_twinhub(words);
    const std::string line = testing::PrintToString(words);
    EXPECT_EQ(outcome.code, exit_usage) << line;
    EXPECT_NE(outcome.errors, "") << line;
    EXPECT_EQ(outcome.out, "") << line;
    EXPECT_FALSE(outcome.served) << line;
  }
}

TEST(CliCommandLine, AConnectionStringIsOneLine) {
  const std::string key(config::dev_primary_key);
  EXPECT_EQ(run_twinhub({"connection-string", "--dev"}).out,
            "HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=" + key + "\n");
  EXPECT_EQ(run_twinhub({"connection-string", "--dev", "--policy", "device", "--host-name", "127.0.0.1"}).out,
            "HostName=127.0.0.1;SharedAccessKeyName=device;SharedAccessKey=" + key + "\n");
  const Outcome unknown = run_twinhub({"connection-string", "--dev", "--policy", "nobody"});
  EXPECT_EQ(unknown.code, exit_failed);
  EXPECT_THAT(unknown.errors, HasSubstr("there is no policy 'nobody'"));
}

TEST(CliCommandLine, ATokenIsOneLineThatNamesItsPolicy) {
  const Outcome outcome = run_twinhub({"token", "--dev", "--policy", "service", "--seconds", "60"});
  EXPECT_EQ(outcome.code, exit_ok);
  EXPECT_THAT(outcome.out, testing::StartsWith("SharedAccessSignature sr=localhost&sig="));
  EXPECT_THAT(outcome.out, testing::EndsWith("&skn=service\n"));
}

TEST(CliCommandLine, ConfigPrintsWhereASettingCameFrom) {
  const Outcome outcome = run_twinhub({"config", "--https-port", "8443"});
  EXPECT_EQ(outcome.code, exit_ok);
  EXPECT_THAT(outcome.out, testing::ContainsRegex("https_port = 8443.*--https-port"));
}

TEST(CliCommandLine, APayloadThatIsNotJsonIsRefusedBeforeAnyHubIsAsked) {
  const Outcome outcome = run_twinhub({"method", "invoke", "d", "m", "not json", "--dev", "--https-port", "1"});
  EXPECT_EQ(outcome.code, exit_failed);
  EXPECT_THAT(outcome.errors, HasSubstr("the payload is not JSON"));
}

TEST(CliCommandLine, EveryShellHasACompletionScript) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Outcome outcome = run_twinhub({"completion", shell});
    EXPECT_EQ(outcome.code, exit_ok);
    EXPECT_THAT(outcome.out, HasSubstr("connection-string"));
  }
}

}  // namespace
}  // namespace twinhub::cli
