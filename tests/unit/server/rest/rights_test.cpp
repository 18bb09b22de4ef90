#include "rest_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

struct RouteCase {
  const char* method;
  const char* target;
  const char* body;
  const char* policies;  ///< that may
};

const RouteCase routes[] = {
    {"GET", "/devices", "", "iothubowner registryRead registryReadWrite"},
    {"PUT", "/devices/new", "{}", "iothubowner registryReadWrite"},
    {"GET", "/devices/d1", "", "iothubowner registryRead registryReadWrite"},
    {"PUT", "/devices/d1/modules/m1", "{}", "iothubowner registryReadWrite"},
    {"GET", "/devices/d1/modules", "", "iothubowner registryRead registryReadWrite"},
    {"GET", "/devices/d1/modules/m0", "", "iothubowner registryRead registryReadWrite"},
    {"DELETE", "/devices/d1/modules/m0", "", "iothubowner registryReadWrite"},
    {"DELETE", "/devices/d1", "", "iothubowner registryReadWrite"},
    {"POST", "/devices", R"([{"id":"new"}])", "iothubowner registryReadWrite"},
    {"POST", "/devices/keys/regenerate", R"({"policyKey":"primaryKey","devices":[{"id":"d1"}]})",
     "iothubowner registryReadWrite"},
    {"GET", "/statistics/devices", "", "iothubowner registryRead registryReadWrite"},
    {"GET", "/statistics/service", "", "iothubowner registryRead registryReadWrite"},
    {"GET", "/registry/export", "", "iothubowner"},
    {"POST", "/jobs/create", "{}", "iothubowner registryReadWrite"},
    {"GET", "/jobs", "", "iothubowner registryReadWrite"},
    {"GET", "/jobs/j1", "", "iothubowner registryReadWrite"},
    {"DELETE", "/jobs/j1", "", "iothubowner registryReadWrite"},
    {"POST", "/devices/d1/files", "{}", "iothubowner device"},
    {"POST", "/devices/d1/files/notifications", "{}", "iothubowner device"},
    {"GET", "/certificates", "", "iothubowner registryRead registryReadWrite"},
    {"PUT", "/certificates/c1", "{}", "iothubowner registryReadWrite"},
    {"GET", "/certificates/c1", "", "iothubowner registryRead registryReadWrite"},
    {"DELETE", "/certificates/c1", "", "iothubowner registryReadWrite"},
    {"POST", "/certificates/c1/generateVerificationCode", "", "iothubowner registryReadWrite"},
    {"POST", "/certificates/c1/verify", "{}", "iothubowner registryReadWrite"},
    {"GET", "/twins/d1", "", "iothubowner service"},
    {"PATCH", "/twins/d1", "{}", "iothubowner service"},
    {"PUT", "/twins/d1", "{}", "iothubowner service"},
    {"GET", "/twins/d1/modules/m0", "", "iothubowner service"},
    {"PATCH", "/twins/d1/modules/m0", "{}", "iothubowner service"},
    {"PUT", "/twins/d1/modules/m0", "{}", "iothubowner service"},
    {"POST", "/twins/d1/methods", R"({"methodName":"m"})", "iothubowner service"},
    {"POST", "/twins/d1/modules/m0/methods", R"({"methodName":"m"})", "iothubowner service"},
    {"GET", "/digitaltwins/d1", "", "iothubowner service"},
    {"PATCH", "/digitaltwins/d1", "[]", "iothubowner service"},
    {"POST", "/digitaltwins/d1/commands/c", "{}", "iothubowner service"},
    {"POST", "/digitaltwins/d1/components/t1/commands/c", "{}", "iothubowner service"},
    {"POST", "/devices/d1/messages/deviceBound", "x", "iothubowner service"},
    {"DELETE", "/devices/d1/commands", "", "iothubowner service"},
    {"GET", "/messages/serviceBound/feedback", "", "iothubowner service"},
    {"DELETE", "/messages/serviceBound/feedback/x", "", "iothubowner service"},
    {"POST", "/messages/serviceBound/feedback/x/abandon", "", "iothubowner service"},
    {"POST", "/devices/d1/messages/events", "x", "iothubowner device"},
    {"GET", "/devices/d1/messages/devicebound", "", "iothubowner device"},
    {"DELETE", "/devices/d1/messages/devicebound/x", "", "iothubowner device"},
    {"POST", "/devices/d1/messages/devicebound/x/abandon", "", "iothubowner device"},
    {"PUT", "/jobs/v2/j1", "{}", "iothubowner service"},
    {"GET", "/jobs/v2/j1", "", "iothubowner service"},
    {"GET", "/jobs/v2/query", "", "iothubowner service"},
    {"POST", "/jobs/v2/j1/cancel", "", "iothubowner service"},
    {"GET", "/configurations", "", "iothubowner service registryRead registryReadWrite"},
    {"GET", "/configurations/c1", "", "iothubowner service registryRead registryReadWrite"},
    {"POST", "/configurations/testQueries", "{}", "iothubowner service registryRead registryReadWrite"},
    {"PUT", "/configurations/c1", "{}", "iothubowner service registryReadWrite"},
    {"DELETE", "/configurations/c1", "", "iothubowner service registryReadWrite"},
    {"POST", "/devices/d1/applyConfigurationContent", "{}", "iothubowner service registryReadWrite"},
    {"POST", "/devices/query", R"({"query":"SELECT * FROM devices"})", "iothubowner service"},
};

TEST(RestRights, EachRouteTakesThePoliciesOfItsRightAndNoOther) {
  for (const RouteCase& route : routes) {
    for (const std::string policy : {"iothubowner", "service", "device", "registryRead", "registryReadWrite"}) {
      const RestHub hub;
      hub.create("d1");
      ASSERT_EQ(hub.call("PUT", "/devices/d1/modules/m0", "{}").status, 200U);
      const Answer answer = hub.call(route.method, route.target, route.body,
                                     "If-Match: *\r\nAuthorization: " + hub.token(policy) + "\r\n");
      const bool may = (" " + std::string(route.policies) + " ").find(" " + policy + " ") != std::string::npos;
      SCOPED_TRACE(std::string(route.method) + " " + route.target + " by " + policy + ": " + answer.body);
      if (may) {
        EXPECT_NE(answer.status, 401U);
        EXPECT_LT(answer.status, 500U);
      } else {
        EXPECT_EQ(answer.status, 401U);
        EXPECT_EQ(answer.headers.at("iothub-errorcode"), "IotHubUnauthorizedAccess");
        EXPECT_EQ(answer.error_name(), "IotHubUnauthorizedAccess");
      }
    }
  }
}

TEST(RestRights, ATokenMustBeWholeCurrentAndOfTheHubsKeys) {
  const RestHub hub;
  hub.create("d1");
  const auto status = [&](const std::string& authorization) {
    return hub
        .call("GET", "/twins/d1", "",
              authorization.empty() ? "Authorization:\r\n" : "Authorization: " + authorization + "\r\n")
        .status;
  };
  EXPECT_EQ(status(hub.token("service")), 200U);
  EXPECT_EQ(status(hub.token("service", "HUB.LOCAL")), 200U);
  EXPECT_EQ(status(hub.token("service", "hub.local", -60)), 200U) << "five minutes of clock skew";
  EXPECT_EQ(status(hub.token("service", "hub.local", -600)), 401U);
  EXPECT_EQ(status(hub.token("nobody")), 401U);
  EXPECT_EQ(status(hub.token("service", "hub.local/devices/other")), 401U) << "another path's scope";
  EXPECT_EQ(status(hub.token("")), 401U) << "no policy on a service route";
  EXPECT_EQ(status("Bearer abc"), 401U);
  EXPECT_EQ(status(""), 401U);
  std::string forged = hub.token("service");
  forged.replace(forged.find("sig=") + 4, 4, "AAAA");
  EXPECT_EQ(status(forged), 401U);
}

}  // namespace
}  // namespace twinhub::test
