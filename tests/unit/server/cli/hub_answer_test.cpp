#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"

#include <gtest/gtest.h>

namespace twinhub::cli {
namespace {

/// The exit code of a sub-command whose request is answered with `status`.
int exit_code_of(unsigned status) {
  testing::internal::CaptureStderr();
  const int code = report(refusal_of({status, R"({"Message":"words"})", ""}));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "twinhub: words\n");
  return code;
}

TEST(CliHubAnswer, EachRefusalHasItsExitCode) {
  struct Case {
    unsigned status;
    int code;
  };
  for (const auto& [status, code] :
       {Case{400, exit_failed}, Case{401, exit_denied}, Case{403, exit_denied}, Case{404, exit_not_found},
        Case{409, exit_conflict}, Case{412, exit_conflict}, Case{413, exit_failed}, Case{429, exit_unreachable},
        Case{500, exit_failed}, Case{503, exit_unreachable}}) {
    EXPECT_EQ(exit_code_of(status), code) << status;
  }
}

TEST(CliHubAnswer, TheMessageIsInTheHubsWords) {
  EXPECT_EQ(message_of({404, R"({"Message":"ErrorCode:DeviceNotFound;x","ExceptionMessage":"y"})", ""}),
            "ErrorCode:DeviceNotFound;x");
  EXPECT_EQ(message_of({404, R"({"Message":"{\"errorCode\":404103,\"message\":\"Timed out\"}"})", ""}), "Timed out");
  EXPECT_EQ(message_of({404, R"({"Message":"{\"errorCode\":404103}"})", ""}), R"({"errorCode":404103})");
  EXPECT_EQ(message_of({502, "<html>", ""}), "<html>");
  EXPECT_EQ(message_of({502, R"({"Message":5})", ""}), R"({"Message":5})");
  EXPECT_EQ(refusal_of({502, "", ""}).detail, "the hub answers 502");
}

TEST(CliHubAnswer, AnAddressToListenOnBecomesOneToConnectTo) {
  EXPECT_EQ(reachable("0.0.0.0"), "127.0.0.1");
  EXPECT_EQ(reachable("::"), "::1");
  EXPECT_EQ(reachable("192.0.2.7"), "192.0.2.7");
}

TEST(CliHubAnswer, TheLocalHubIsReachedWhereItListens) {
  config::Settings settings;
  settings.dev = true;
  settings.data_dir = "/data";
  settings.https_port = 8443;
  settings.listen = "0.0.0.0";
  const auto anywhere = target_of(settings, "service");
  ASSERT_TRUE(anywhere);
  EXPECT_EQ(anywhere->address, "127.0.0.1");
  EXPECT_EQ(anywhere->port, 8443);
  EXPECT_EQ(anywhere->ca_file, "/data/tls/ca.pem");
  EXPECT_EQ(anywhere->credentials.policy, "service");
  settings.listen = "192.0.2.7";
  EXPECT_EQ(target_of(settings, "service")->address, "192.0.2.7");
}

}  // namespace
}  // namespace twinhub::cli
