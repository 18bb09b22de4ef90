// Which contents a configuration may have.
#include "protocol/configuration/content.hpp"

#include "fixture.hpp"

namespace twinhub::configuration {
namespace {

void expect_refused(std::string_view content, Errc code = Errc::invalid_configuration_content) {
  const auto parsed = parse_content(content);
  ASSERT_FALSE(parsed) << content;
  EXPECT_EQ(parsed.error().code, code) << content;
  EXPECT_FALSE(parsed.error().detail.empty());
}

TEST(ConfigurationContent, HoldsOneOfThreeForms) {
  const auto of_device = parse_content(R"({"deviceContent":{"properties.desired.a.b":1}})");
  ASSERT_TRUE(of_device);
  EXPECT_EQ(of_device->form, Form::device);
  ASSERT_EQ(of_device->settings.size(), 1U);
  EXPECT_EQ(of_device->settings[0].path, (PropertyPath{"a", "b"}));
  EXPECT_EQ(parse_content(R"({"moduleContent":{"properties.desired":{}}})")->form, Form::module);
  const auto of_edge = parse_content(R"({"modulesContent":{"$edgeAgent":{"properties.desired":{}},"m":{}}})");
  EXPECT_EQ(of_edge->form, Form::modules);
  EXPECT_FALSE(of_edge->layered);
  EXPECT_TRUE(parse_content(R"({"modulesContent":{"$edgeAgent":{"properties.desired.modules.m":{}}}})")->layered);
  EXPECT_TRUE(parse_content(R"({"modulesContent":{"$edgeAgent":{}}})")->layered);
}

TEST(ConfigurationContent, EmptyFormsBesideAreAsNetSendsThem) {
  const auto parsed = parse_content(
      R"({"modulesContent":{},"moduleContent":null,"deviceContent":{"properties.desired.a":1},"more":5})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->text(), R"({"deviceContent":{"properties.desired.a":1}})");
}

TEST(ConfigurationContent, IsRefused) {
  expect_refused("{", Errc::iot_hub_format_error);
  expect_refused("null");
  expect_refused("[]");
  expect_refused("{}");
  expect_refused(R"({"deviceContent":{}})");
  expect_refused(R"({"deviceContent":[]})");
  expect_refused(R"({"deviceContent":{"properties.desired.a":1},"moduleContent":{"properties.desired.a":1}})");
  for (const std::string_view key : {"tags.x", "properties.reported.x", "properties", "", "properties.desiredx",
                                     "properties.desired.", "properties.desired..a", "properties.desired.a.",
                                     "Properties.Desired.a", "properties.desired.$a", "properties.desired.a b"}) {
    expect_refused(sets(key, "1"));
  }
  expect_refused(sets("properties.desired", "1"));
  expect_refused(sets("properties.desired", "null"));
  expect_refused(sets("properties.desired.a", R"({"$b":1})"));
  expect_refused(sets("properties.desired.a", "[null]"));
  expect_refused(sets("properties.desired.a", "4503599627370496"));
  expect_refused(sets("properties.desired.a", '"' + std::string(4097, 'x') + '"'));
  expect_refused(sets("properties.desired.1.2.3.4.5.6.7.8.9.10.11", "{}"));
  EXPECT_TRUE(parse_content(sets("properties.desired.1.2.3.4.5.6.7.8.9.10", "1")));
  std::string large = "{";
  for (int i = 0; i < 8; ++i)
    large += (i > 0 ? ",\"" : "\"") + std::to_string(i) + R"(":")" + std::string(4096, 'x') + '"';
  expect_refused(sets("properties.desired.a", large + "}"));
}

TEST(ConfigurationContent, EdgeModulesAreNamedAsModulesAre) {
  expect_refused(R"({"modulesContent":{"m":{"properties.desired":{}}}})");
  expect_refused(R"({"modulesContent":{"$edgeAgent":{"properties.desired":{}},"$other":{}}})");
  expect_refused(R"({"modulesContent":{"$edgeAgent":{"properties.desired":{}},"a b":{}}})");
  expect_refused(R"({"modulesContent":{"$edgeAgent":[]}})");
  expect_refused(R"({"modulesContent":{"$edgeAgent":{"tags":{}}}})");
  std::string many = R"({"modulesContent":{"$edgeAgent":{})";
  for (int i = 0; i < 50; ++i) many += ",\"m" + std::to_string(i) + "\":{}";
  expect_refused(many + "}}");
}

}  // namespace
}  // namespace twinhub::configuration
