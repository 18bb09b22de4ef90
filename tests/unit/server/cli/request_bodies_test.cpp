#include "server/cli/request_bodies.hpp"

#include "tests/unit/server/cli/printed.hpp"

#include <gmock/gmock.h>

namespace twinhub::cli {
namespace {

using testing::HasSubstr;

TEST(CliNewDevice, ProvesItselfAsAsked) {
  EXPECT_EQ(new_device_body({"a\"b", "sas", {}}), R"({"deviceId":"a\"b"})");
  EXPECT_EQ(new_device_body({"d", "ca", {}}), R"({"deviceId":"d","authentication":{"type":"certificateAuthority"}})");
  EXPECT_EQ(new_device_body({"d", "selfsigned", {"AA"}}),
            R"({"deviceId":"d","authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"AA"}}})");
  EXPECT_EQ(new_device_body({"d", "selfsigned", {"AA", "BB"}}),
            R"({"deviceId":"d","authentication":{"type":"selfSigned","x509Thumbprint":)"
            R"({"primaryThumbprint":"AA","secondaryThumbprint":"BB"}}})");
}

TEST(CliDeviceUpdate, WhatIsNotNamedStays) {
  const Json identity(R"({"deviceId":"d","status":"enabled","statusReason":"old",)"
                      R"("authentication":{"type":"sas","symmetricKey":{"primaryKey":"P","secondaryKey":"S"}}})");
  const auto updated = [&](const DeviceUpdate& update) { return updated_identity(identity.root(), update); };
  DeviceUpdate none;
  EXPECT_EQ(updated(none), identity.root().text());
  DeviceUpdate disabled;
  disabled.status = "disabled";
  EXPECT_EQ(updated(disabled),
            R"({"deviceId":"d","statusReason":"old",)"
            R"("authentication":{"type":"sas","symmetricKey":{"primaryKey":"P","secondaryKey":"S"}},)"
            R"("status":"disabled"})");
  DeviceUpdate reason;
  reason.sets_reason = true;
  EXPECT_THAT(updated(reason), HasSubstr(R"("statusReason":null)"));
  reason.reason = "stolen";
  EXPECT_THAT(updated(reason), HasSubstr(R"("statusReason":"stolen")"));
  DeviceUpdate key;
  key.secondary_key = "NEW";
  EXPECT_THAT(updated(key),
              HasSubstr(R"("authentication":{"type":"sas","symmetricKey":{"primaryKey":"P","secondaryKey":"NEW"}})"));
}

TEST(CliNewJob, ATwinUpdateHoldsThePatchOfItsAssignments) {
  NewJob job;
  job.id = "j";
  job.where = "tags.room = 'attic'";
  job.assignments = {"desired.fan=3"};
  EXPECT_EQ(*job_body(job),
            R"({"jobId":"j","queryCondition":"tags.room = 'attic'","maxExecutionTimeInSeconds":3600,)"
            R"("type":"scheduleUpdateTwin","updateTwin":{"properties":{"desired":{"fan":3}},"etag":"*"}})");
  job.start = "2026-11-23T05:40:00Z";
  EXPECT_THAT(*job_body(job), HasSubstr(R"(,"startTime":"2026-11-23T05:40:00Z",)"));
  job.assignments = {"reported.fan=3"};
  EXPECT_THAT(job_body(job).error().detail, HasSubstr("reported.fan=3"));
}

TEST(CliNewJob, AMethodHoldsItsPayloadAsItIsTyped) {
  NewJob job;
  job.id = "j";
  job.where = "*";
  job.method = "reboot";
  job.payload = R"({"delay":1.50})";
  EXPECT_EQ(*job_body(job),
            R"({"jobId":"j","queryCondition":"*","maxExecutionTimeInSeconds":3600,"type":"scheduleDeviceMethod",)"
            R"("cloudToDeviceMethod":{"methodName":"reboot","payload":{"delay":1.50},"responseTimeoutInSeconds":30}})");
  job.payload = "soon";
  EXPECT_THAT(job_body(job).error().detail, HasSubstr("the payload is not JSON"));
}

TEST(CliConfiguration, OptionsReplaceWhatTheFileSays) {
  ConfigurationSet options;
  options.id = "c";
  options.file = "c.json";
  EXPECT_EQ(*configuration_body(R"({"id":"other","priority":1,"content":{}})", options),
            R"({"priority":1,"content":{},"id":"c"})");
  options.target = "tags.room = 'attic'";
  options.priority = "7";
  EXPECT_EQ(*configuration_body(R"({"id":"other","priority":1,"content":{}})", options),
            R"({"content":{},"id":"c","targetCondition":"tags.room = 'attic'","priority":7})");
}

TEST(CliConfiguration, AFileThatIsNoJsonObjectIsNamed) {
  ConfigurationSet options;
  options.id = "c";
  options.file = "c.json";
  EXPECT_THAT(configuration_body("nonsense", options).error().detail, HasSubstr("c.json: "));
  EXPECT_EQ(configuration_body("[1]", options).error().detail, "c.json: it is no JSON object");
}

}  // namespace
}  // namespace twinhub::cli
