#include "server/control/wait_request.hpp"

#include <gtest/gtest.h>
#include <chrono>

namespace twinhub::control {
namespace {

using std::chrono::milliseconds;

std::string error_of(std::string_view text) {
  const auto request = parse_wait_request(text);
  return request ? "" : request.error().detail;
}

TEST(WaitRequest, AConditionIsOneOnTheOneTwin) {
  const auto request = parse_wait_request("device=d%27&condition=tags.a%20%3D%201");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->id, (IdentityId{"d'", ""}));
  EXPECT_EQ(request->query, R"(SELECT * FROM devices WHERE deviceId = 'd\'' AND (tags.a = 1))");
  EXPECT_EQ(request->timeout, std::chrono::seconds(10));
  EXPECT_EQ(parse_wait_request("device=d%27&condition=tags.a+%3D+1")->query, request->query) << "as forms have it";
  const auto of_module = parse_wait_request("device=d&module=m&condition=tags.a%20%3D%201");
  ASSERT_TRUE(of_module);
  EXPECT_EQ(of_module->query, "SELECT * FROM devices.modules WHERE deviceId = 'd' AND moduleId = 'm' AND (tags.a = 1)");
}

TEST(WaitRequest, AConditionOnMessagesIsARoutes) {
  const auto request = parse_wait_request("device=d&telemetry=%24body.t%20%3E%2030&timeout=2m");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->telemetry.has_value());
  EXPECT_TRUE(request->query.empty());
  EXPECT_EQ(request->timeout, std::chrono::minutes(2));
}

TEST(WaitRequest, ATimeHasAUnitAndAnEnd) {
  const auto timeout = [](const std::string& text) {
    const auto request = parse_wait_request("device=d&condition=true&timeout=" + text);
    return request ? request->timeout : milliseconds(-1);
  };
  EXPECT_EQ(timeout("0"), milliseconds(0));
  EXPECT_EQ(timeout("7"), milliseconds(7000));
  EXPECT_EQ(timeout("7s"), milliseconds(7000));
  EXPECT_EQ(timeout("7ms"), milliseconds(7));
  EXPECT_EQ(timeout("60m"), WaitRequest::timeout_max);
  for (const char* text : {"", "s", "-1s", "1.5s", "1h", "3601s", "4294967296ms", "1 s", "1sx"})
    EXPECT_EQ(timeout(text), milliseconds(-1)) << text;
}

TEST(WaitRequest, WhatIsNoneIsRefusedInWords) {
  EXPECT_NE(error_of("").find("device is the id"), std::string::npos);
  EXPECT_NE(error_of("device=d").find("either"), std::string::npos);
  EXPECT_NE(error_of("device=d&condition=").find("line 1"), std::string::npos);
  EXPECT_NE(error_of("device=d&condition=true)%20OR%20(true").find("line 1, column 5"), std::string::npos);
  EXPECT_NE(error_of("device=d&telemetry=%24body.").find("line 1"), std::string::npos);
  EXPECT_NE(error_of("device=d&condition=true&other=1").find("no other"), std::string::npos);
  EXPECT_NE(error_of("device=d&module=a%00b&condition=true").find("module"), std::string::npos);
}

}  // namespace
}  // namespace twinhub::control
