// A twin read part by part asks for no part that is not named.
#include "protocol/query/twin_row.hpp"

#include "protocol/query/evaluate.hpp"
#include "protocol/query/parse.hpp"
#include "tests/unit/protocol/query/case_file.hpp"

#include <gtest/gtest.h>

namespace twinhub::query {
namespace {

class CountingParts final : public TwinParts {
 public:
  explicit CountingParts(const testing::TwinDocument& document)
      : parts_(document.identity, document.twin, document.activity) {}

  std::string_view device_id() override { return parts_.device_id(); }
  std::string_view module_id() override { return parts_.module_id(); }
  const twin::TwinView& twin() override {
    asked += 't';
    return parts_.twin();
  }
  const iothub::Identity& identity() override {
    asked += 'i';
    return parts_.identity();
  }
  iothub::Activity activity() override {
    asked += 'a';
    return parts_.activity();
  }
  std::string service_view() override {
    asked += 'v';
    return parts_.service_view();
  }

  std::string asked;

 private:
  MemoryParts parts_;
};

std::string asked_for(const std::string& condition) {
  const auto document = testing::make_twin_document(R"({"deviceId":"d","tags":{"room":"attic"}})");
  CountingParts parts(document);
  TwinRow row(parts);
  Scratch scratch;
  const auto parsed = parse_job_condition(condition);
  EXPECT_TRUE(parsed) << condition;
  static_cast<void>(evaluate(*parsed->where, row, scratch));
  return parts.asked;
}

TEST(TwinRows, OnlyNamedPartsAreRead) {
  EXPECT_EQ(asked_for("deviceId = 'd' AND moduleId = 'm'"), "");
  EXPECT_EQ(asked_for("tags.room = 'attic'"), "t");
  EXPECT_EQ(asked_for("properties.reported.x = 1"), "t");
  EXPECT_EQ(asked_for("properties.desired.$version = 1"), "t");
  EXPECT_EQ(asked_for("status = 'enabled'"), "i");
  EXPECT_EQ(asked_for("connectionState = 'Connected'"), "a");
  EXPECT_EQ(asked_for("deviceId = 'other' AND status = 'enabled'"), "");
}

TEST(TwinRows, TheWholeViewIsMadeOnce) {
  EXPECT_EQ(asked_for("statusReason = 'x' OR deviceScope = 'y' OR is_defined(properties.desired)"), "v");
}

TEST(TwinRows, AViewIsTheTwinItWasMadeOf) {
  const auto document = testing::make_twin_document(
      R"({"deviceId":"d","tags":{"a":1},"properties":{"desired":{"b":{"c":2}},"reported":{"d":[3]}}})");
  EXPECT_EQ(twin::view_of(document.twin).copy(), document.twin);
}

}  // namespace
}  // namespace twinhub::query
