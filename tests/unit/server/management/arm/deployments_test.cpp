// Templates: what is understood is deployed, what is not is named.
#include "tests/unit/server/management/arm/arm_world.hpp"

#include <gmock/gmock.h>

namespace twinhub::management {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string deployment_path = group_path + "/providers/Microsoft.Resources/deployments/d1";

struct ArmDeployments : testing::Test {
  ArmDeployments() {
    EXPECT_EQ(arm.ask("PUT", group_path, R"({"location":"northeurope","tags":{"team":"a"}})").status, 201);
  }
  ArmAnswer deploy(const std::string& what, const std::string& parameters = "{}",
                   const std::string& mode = "Incremental") {
    return arm.ask(
        "PUT", deployment_path,
        R"({"properties":{"template":{)" + what + R"(},"parameters":)" + parameters + R"(,"mode":")" + mode + "\"}}");
  }
  /// A template of one hub whose location is `expression`: its value, or the refusal's words.
  std::string value_of(const std::string& expression, const std::string& more = "") {
    const ArmAnswer answer =
        deploy(R"("resources":[],"outputs":{"o":{"type":"string","value":")" + expression + "\"}}" + more);
    return answer.status == 201 || answer.status == 200 ? at(answer.body, "properties/outputs/o/value")
                                                        : message_of(answer);
  }
  ArmWorld arm;
};

const std::string hub_resource =
    R"("resources":[{"type":"Microsoft.Devices/IotHubs","apiVersion":"2021-07-02","name":"[parameters('hubName')]",)"
    R"("location":"[resourceGroup().location]","sku":{"name":"[variables('sku')]","capacity":1},"properties":{}}])";

TEST_F(ArmDeployments, ATemplateAsAzSendsItMakesTheHub) {
  // A bare key and a comment, as in the file: no JSON by the book.
  const std::string body =
      "{\"properties\": {\"mode\":\"Incremental\",\"parameters\":{\"hubName\":{\"value\":\"hub-1\"}}, template: {\n"
      "// one hub\n\"parameters\":{\"hubName\":{\"type\":\"string\"}},\"variables\":{\"sku\":\"S1\"}," +
      hub_resource + ",\"outputs\":{\"host\":{\"type\":\"string\",\"value\":" +
      "\"[reference(resourceId('Microsoft.Devices/IotHubs', parameters('hubName'))).hostName]\"},\"key\":{\"type\":"
      "\"string\",\"value\":\"[listKeys(resourceId('Microsoft.Devices/IotHubs/IotHubKeys', parameters('hubName'), "
      "'iothubowner'), '2021-07-02').primaryKey]\"}}}}}";
  const ArmAnswer validated = arm.ask("POST", deployment_path + "/validate", body);
  EXPECT_EQ(validated.status, 200) << validated.body;
  EXPECT_EQ(arm.ask("GET", hub_path).status, 404);

  const ArmAnswer made = arm.ask("PUT", deployment_path, body);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(at(made.body, "properties/provisioningState"), "\"Succeeded\"");
  EXPECT_EQ(at(made.body, "properties/outputs/host/value"), "\"hub.example\"");
  EXPECT_EQ(at(made.body, "properties/outputs/key/value"), '"' + hub::test_key('A') + '"');
  EXPECT_EQ(at(made.body, "properties/parameters/hubName/value"), "\"hub-1\"");
  EXPECT_EQ(at(arm.ask("GET", hub_path).body, "location"), "\"northeurope\"");

  arm.restart();
  EXPECT_EQ(arm.ask("GET", deployment_path).body, made.body);
  EXPECT_EQ(arm.ask("HEAD", deployment_path).status, 204);
  EXPECT_THAT(arm.ask("GET", deployment_path + "/operations").body, HasSubstr(hub_path));
  EXPECT_THAT(arm.ask("GET", group_path + "/providers/Microsoft.Resources/deployments").body, HasSubstr("\"d1\""));
  EXPECT_EQ(arm.ask("PUT", deployment_path, body).status, 200);
  EXPECT_EQ(arm.ask("DELETE", deployment_path).status, 204);
  EXPECT_EQ(code_of(arm.ask("GET", deployment_path)), "\"DeploymentNotFound\"");
}

TEST_F(ArmDeployments, ExpressionsAreEvaluated) {
  EXPECT_EQ(value_of("plain"), "\"plain\"");
  EXPECT_EQ(value_of("[[not one]"), "\"[not one]\"");
  EXPECT_EQ(value_of("[concat('a', 'b''c', 7)]"), "\"ab'c7\"");
  EXPECT_EQ(value_of("[toUpper(concat(resourceGroup().name, '-x'))]"), "\"G1-X\"");
  EXPECT_EQ(value_of("[resourceGroup().tags.team]"), "\"a\"");
  EXPECT_EQ(value_of("[resourceGroup().tags['team']]"), "\"a\"");
  EXPECT_EQ(value_of("[subscription().subscriptionId]"), '"' + subscription + '"');
  EXPECT_EQ(
      value_of("[variables('v')[1].k]", R"(,"variables":{"v":["x",{"k":"[concat('y', variables('w'))]"}],"w":"z"})"),
      "\"yz\"");
}

TEST_F(ArmDeployments, WhatIsNotUnderstoodIsNamed) {
  EXPECT_THAT(value_of("[uniqueString(resourceGroup().id)]"), HasSubstr("uniqueString"));
  EXPECT_THAT(value_of("[if(true(), 1, 2)]"), HasSubstr("true"));
  EXPECT_THAT(value_of("[parameters('nobody')]"), HasSubstr("nobody"));
  EXPECT_THAT(value_of("[variables('v')]", R"(,"variables":{"v":"[variables('v')]"})"), HasSubstr("'v'"));
  EXPECT_THAT(value_of("[concat('a'"), Not(HasSubstr("InvalidTemplate")));
  EXPECT_THAT(value_of("[concat('a]"), HasSubstr("quote"));
  EXPECT_THAT(value_of("[concat('a') x]"), HasSubstr("'x'"));
  EXPECT_THAT(value_of("[resourceGroup().nothing]"), HasSubstr("nothing"));
  EXPECT_THAT(value_of("[resourceGroup()]"), HasSubstr("subscriptions"));
  EXPECT_THAT(value_of("[" + std::string(100, '(') + "]"), HasSubstr("not understood"));
}

TEST_F(ArmDeployments, NestingAndGrowthHaveBounds) {
  std::string deep = "'a'";
  for (int i = 0; i < 60; ++i) deep = "concat(" + deep + ")";
  EXPECT_THAT(value_of("[" + deep + "]"), HasSubstr("deeply"));
  std::string doubling = R"(,"variables":{"v0":")" + std::string(10'000, 'x') + '"';
  for (int i = 1; i <= 6; ++i) {
    const std::string before = "variables('v" + std::to_string(i - 1) + "')";
    doubling += ",\"v" + std::to_string(i) + "\":\"[concat(" + before + "," + before + ")]\"";
  }
  EXPECT_THAT(value_of("[variables('v4')]", doubling + "}"), testing::SizeIs(160'002));
  EXPECT_THAT(value_of("[variables('v6')]", doubling + "}"), HasSubstr("too large"));
}

TEST_F(ArmDeployments, ValuesHaveABoundTogether) {
  const std::string large = R"({"p":{"value":")" + std::string(200'000, 'x') + "\"}}";
  const std::string declared = R"("parameters":{"p":{"type":"string"}},)";
  std::string arguments = "parameters('p')";
  for (int i = 1; i < 50; ++i) arguments += ", parameters('p')";
  const auto output = [&](const std::string& expression) {
    return deploy(declared + R"("resources":[],"outputs":{"o":{"type":"string","value":"[)" + expression + "]\"}}",
                  large);
  };
  EXPECT_THAT(message_of(output("concat(" + arguments + ")")), HasSubstr("8 MiB"));
  EXPECT_EQ(at(output("toUpper(concat('a', 'b'))").body, "properties/outputs/o/value"), "\"AB\"");

  std::string members;
  for (int i = 0; i < 50; ++i) members += ",\"m" + std::to_string(i) + R"(":"[parameters('p')]")";
  const auto resource = [&](const std::string& more) {
    return deploy(declared + R"("resources":[{"type":"Microsoft.Devices/IotHubs","apiVersion":"1","name":"hub-1",)" +
                      R"("location":"x")" + more + "}]",
                  large, "Incremental");
  };
  EXPECT_THAT(message_of(resource(members)), HasSubstr("8 MiB"));
  EXPECT_EQ(arm.ask("GET", hub_path).status, 404);
}

TEST_F(ArmDeployments, ParametersAreChecked) {
  const std::string declared =
      R"("resources":[],"parameters":{"p":{"type":"string","allowedValues":["a","b"]},"n":{"type":"int","defaultValue":3},"s":{"type":"secureString","defaultValue":"secret"}})";
  EXPECT_THAT(message_of(deploy(declared)), HasSubstr("'p' has no value"));
  EXPECT_THAT(message_of(deploy(declared, R"({"p":{"value":"c"}})")), HasSubstr("allowedValues"));
  EXPECT_THAT(message_of(deploy(declared, R"({"p":{"value":1}})")), HasSubstr("no string"));
  EXPECT_THAT(message_of(deploy(declared, R"({"x":{"value":1}})")), HasSubstr("no parameter 'x'"));
  EXPECT_THAT(message_of(deploy(declared, R"({"p":{"reference":{}}})")), HasSubstr("vaults"));
  const ArmAnswer good = deploy(declared, R"({"P":{"value":"b"}})");
  ASSERT_EQ(good.status, 201) << good.body;
  EXPECT_THAT(good.body, Not(HasSubstr("secret\"")));
}

TEST_F(ArmDeployments, TemplatesOfOtherThingsAreRefusedByName) {
  const auto words = [&](const std::string& resource) {
    const ArmAnswer answer = deploy("\"resources\":[" + resource + "]");
    EXPECT_EQ(code_of(answer), "\"InvalidTemplate\"") << resource;
    return message_of(answer);
  };
  EXPECT_THAT(words(R"({"type":"Microsoft.Web/sites","apiVersion":"1","name":"x"})"), HasSubstr("Microsoft.Web/sites"));
  EXPECT_THAT(words(R"({"type":"Microsoft.Devices/IotHubs","apiVersion":"1","name":"x","copy":{"count":2}})"),
              HasSubstr("copy"));
  EXPECT_THAT(words(R"({"type":"Microsoft.Devices/IotHubs","apiVersion":"1","name":"a/b"})"), HasSubstr("a/b"));
  EXPECT_THAT(words(R"({"type":"Microsoft.Devices/IotHubs","name":"abc"})"), HasSubstr("apiVersion"));
  EXPECT_THAT(message_of(arm.ask("PUT", deployment_path, R"({"properties":{"templateLink":{"uri":"http://x"}}})")),
              HasSubstr("links"));
  EXPECT_EQ(arm.ask("GET", hub_path).status, 404);
}

TEST_F(ArmDeployments, AConditionThatIsFalseLeavesItsResourceOut) {
  const ArmAnswer made = deploy(
      R"("resources":[{"type":"Microsoft.Devices/IotHubs","apiVersion":"1","name":"hub-1","location":"x","condition":false}])");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(arm.ask("GET", hub_path).status, 404);
}

TEST_F(ArmDeployments, AResourceThatFailsFailsTheDeployment) {
  const ArmAnswer failed = deploy(
      R"("resources":[{"type":"Microsoft.Devices/IotHubs","apiVersion":"1","name":"hub-1","location":"x","sku":{"name":"S9"}}])");
  EXPECT_EQ(failed.status, 400);
  EXPECT_EQ(code_of(failed), "\"DeploymentFailed\"");
  EXPECT_THAT(failed.body, HasSubstr("sku.name"));
  EXPECT_EQ(arm.ask("GET", deployment_path).status, 404);
}

TEST_F(ArmDeployments, WhatIfIsNotThere) {
  const ArmAnswer refused = arm.ask("POST", deployment_path + "/whatIf", "{}");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(code_of(refused), "\"NotImplemented\"");
}

TEST_F(ArmDeployments, CompleteDoesNotDeleteTheHub) {
  ASSERT_EQ(arm.ask("PUT", hub_path, R"({"location":"x"})").status, 200);
  const ArmAnswer refused = deploy(R"("resources":[])", "{}", "Complete");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(arm.ask("GET", hub_path).status, 200);
}

}  // namespace
}  // namespace twinhub::management
