// Jobs v2 over REST as bytes: what SDKs send, what they never send, and that a refusal changes nothing.
#include "protocol/json/document.hpp"
#include "rest_hub.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace twinhub::test {
namespace {

constexpr std::string_view update =
    R"({"jobId":"j1","type":"scheduleUpdateTwin","queryCondition":"deviceId = 'd1'","startTime":null,)"
    R"("updateTwin":{"etag":"*","tags":{"a":1}}})";

std::string member(const Answer& answer, std::string_view name) {
  const auto document = json::parse(answer.body);
  const auto value = document ? document->root().find(name) : std::nullopt;
  return value ? std::string(value->text()) : "(absent)";
}

/// Ticks until the job has ended.
std::string run(const RestHub& hub, const std::string& id) {
  for (int i = 0; i < 100'000; ++i) {
    const std::string status = member(hub.call("GET", "/jobs/v2/" + id), "status");
    if (status == "\"completed\"" || status == "\"failed\"") return status;
    hub.hub().tick();
  }
  return "never ended";
}

void expect_refused(const Answer& answer, unsigned status, const std::string& name, std::string_view words) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.error_name(), name) << answer.body;
  EXPECT_EQ(answer.headers.at("iothub-errorcode"), name);
  EXPECT_NE(answer.body.find(words), std::string::npos) << answer.body;
}

TEST(RestJobs, AJobFromItsPutToItsEnd) {
  const RestHub hub;
  hub.create("d1");
  const Answer put = hub.call("PUT", "/jobs/v2/j1", update);
  EXPECT_EQ(put.status, 200U) << put.body;
  EXPECT_EQ(member(put, "status"), "\"queued\"");
  EXPECT_NE(put.headers.at("content-type").find("application/json"), std::string::npos);
  EXPECT_EQ(run(hub, "j1"), "\"completed\"");
  EXPECT_NE(hub.call("GET", "/twins/d1").body.find(R"("tags":{"a":1})"), std::string::npos);
  EXPECT_EQ(hub.call("GET", "/jobs%2Fv2%2Fj1").body, hub.call("GET", "/jobs/v2/j1/").body);
  const Answer rows = hub.call("POST", "/devices/query", R"({"query":"SELECT * FROM devices.jobs"})");
  EXPECT_EQ(rows.headers.at("x-ms-item-type"), "DeviceJob");
  EXPECT_NE(rows.body.find(R"("deviceId":"d1","jobId":"j1")"), std::string::npos) << rows.body;
}

TEST(RestJobs, AMethodJobReachesDevices) {
  const RestHub hub;
  hub.create("d1");
  const std::string body =
      R"({"type":"scheduleDeviceMethod","queryCondition":"*","cloudToDeviceMethod":{"methodName":"echo","payload":{"x":1}}})";
  ASSERT_EQ(hub.call("PUT", "/jobs/v2/j1", body).status, 200U);
  EXPECT_EQ(run(hub, "j1"), "\"completed\"");
  const Answer rows = hub.call("POST", "/devices/query", R"({"query":"SELECT * FROM devices.jobs"})");
  EXPECT_NE(rows.body.find(R"("outcome":{"deviceMethodResponse":{"status":200,"payload":{"x":1}}})"), std::string::npos)
      << rows.body;
}

TEST(RestJobs, AJobThatIsNotKnown) {
  const RestHub hub;
  const Answer unknown = hub.call("GET", "/jobs/v2/j1");
  EXPECT_EQ(unknown.status, 200U);
  EXPECT_EQ(unknown.body, R"({"jobId":"j1","type":"unknown","status":"unknown"})");
  expect_refused(hub.call("POST", "/jobs/v2/j1/cancel"), 404, "JobNotFound", "j1");
  EXPECT_EQ(hub.call("GET", "/jobs/v2/%FF%22").status, 200U);
}

TEST(RestJobs, CancelBeforeAndAfterTheStart) {
  const RestHub hub;
  std::string later(update);
  later.replace(later.find("null"), 4, '"' + to_iso8601({hub.hub().clock.now().ticks + 3600 * ticks_per_second}) + '"');
  ASSERT_EQ(hub.call("PUT", "/jobs/v2/j1", later).status, 200U);
  EXPECT_EQ(member(hub.call("GET", "/jobs/v2/j1"), "status"), "\"scheduled\"");
  const Answer cancelled = hub.call("POST", "/jobs/v2/j1/cancel");
  EXPECT_EQ(cancelled.status, 200U);
  EXPECT_EQ(member(cancelled, "status"), "\"cancelled\"");
  expect_refused(hub.call("POST", "/jobs/v2/j1/cancel"), 405, "OperationNotAllowedInCurrentState", "j1");
  expect_refused(hub.call("PUT", "/jobs/v2/j1", update), 409, "JobAlreadyExists", "j1");
}

TEST(RestJobs, TheListIsAnArrayWithPagesAndFilters) {
  const RestHub hub;
  for (const char* id : {"a", "b", "c"}) {
    std::string body(update);
    body.replace(body.find("j1"), 2, id);
    ASSERT_EQ(hub.call("PUT", std::string("/jobs/v2/") + id, body).status, 200U);
  }
  const std::string target = "/jobs/v2/query?jobType=ScheduleUpdateTwin&jobStatus=queued&api-version=2021-04-12";
  const Answer first = hub.call("GET", target, "", "x-ms-max-item-count: 2\r\n");
  EXPECT_EQ(first.status, 200U);
  EXPECT_EQ(first.headers.at("x-ms-item-type"), "JobResponse");
  EXPECT_NE(first.body.find(R"([{"jobId":"a")"), std::string::npos) << first.body;
  const std::string token = first.headers.at("x-ms-continuation");
  const Answer last = hub.call("GET", target, "", "x-ms-continuation: " + token + "\r\n");
  EXPECT_NE(last.body.find(R"([{"jobId":"c")"), std::string::npos) << last.body;
  EXPECT_EQ(last.headers.count("x-ms-continuation"), 0U);
  EXPECT_EQ(hub.call("GET", "/jobs/v2/query?jobType=&jobStatus=&api-version=2021-04-12").body,
            "[" + hub.call("GET", "/jobs/v2/a").body + "," + hub.call("GET", "/jobs/v2/b").body + "," +
                hub.call("GET", "/jobs/v2/c").body + "]");
  EXPECT_EQ(hub.call("GET", "/jobs/v2/query?jobStatus=running&api-version=2021-04-12").body, "[]");
  for (const char* wrong : {"jobType=x", "jobStatus=x"}) {
    expect_refused(hub.call("GET", std::string("/jobs/v2/query?") + wrong + "&api-version=2021-04-12"), 400,
                   "ArgumentInvalid", "BadRequest");
  }
  expect_refused(hub.call("GET", "/jobs/v2/query", "", "x-ms-continuation: garbled\r\n"), 400, "ArgumentInvalid",
                 "continuation token");
}

std::string with(std::string_view from, std::string_view to) {
  std::string body(update);
  const std::size_t at = body.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return body.replace(at, from.size(), to);
}

std::string method(std::string_view method_json) {
  return R"({"type":"scheduleDeviceMethod","queryCondition":"*","cloudToDeviceMethod":)" + std::string(method_json) +
         "}";
}

TEST(RestJobs, IdsMayHaveCapitalsEverywhere) {
  const RestHub hub;
  hub.create("d1");
  const std::string job = R"({"type":"scheduleUpdateTwin","queryCondition":"*","startTime":")" +
                          to_iso8601({hub.hub().clock.now().ticks + 3600 * ticks_per_second}) +
                          R"(","updateTwin":{"etag":"*","properties":{"desired":{"t":98.6}}}})";
  const std::string id = "JOBSAMPLE-methodJob-0f8fad5b";
  EXPECT_EQ(hub.call("PUT", "/jobs/v2/" + id, job).status, 200U);
  EXPECT_EQ(hub.call("PUT", "/jobs/v2/jobsample-methodjob-0f8fad5b", job).status, 200U) << "another job (inferred)";
  const Answer read = hub.call("GET", "/jobs/v2/" + id);
  EXPECT_EQ(read.status, 200U);
  EXPECT_NE(read.body.find("\"jobId\":\"" + id + '"'), std::string::npos) << read.body;
  EXPECT_NE(hub.call("GET", "/jobs/v2/query").body.find(id), std::string::npos);
  EXPECT_EQ(hub.call("POST", "/jobs/v2/" + id + "/cancel").status, 200U);
  EXPECT_NE(hub.call("GET", "/jobs/v2/" + id).body.find("cancelled"), std::string::npos);
}

TEST(RestJobs, AMembersTrailingCommaIsForgiven) {
  const RestHub hub;
  hub.create("d1");
  const Answer made =
      hub.call("PUT", "/jobs/v2/j1",
               R"({"type":"scheduleUpdateTwin","queryCondition":"*","updateTwin":{"etag":"*","tags":{"x":1}},})");
  EXPECT_EQ(made.status, 200U) << made.body;
}

TEST(RestJobs, ATwinsUnknownMembersAreRefused) {
  const RestHub hub;
  hub.create("d1");
  const Answer refused = hub.call(
      "PUT", "/jobs/v2/j1",
      R"({"type":"scheduleUpdateTwin","queryCondition":"*","updateTwin":{"etag":"*","desiredProperties":{"x":1}}})");
  EXPECT_EQ(refused.status, 400U);
  EXPECT_EQ(refused.error_name(), "ArgumentInvalid");
}

TEST(RestJobs, ABodyThatIsNoJobIsRefusedAndNothingIsKept) {
  const RestHub hub;
  hub.create("d1");
  const struct {
    std::string body;
    unsigned status;
    std::string name;
    std::string_view words;
  } cases[] = {
      {"", 400, "IotHubFormatError", "JSON"},
      {"{", 400, "IotHubFormatError", "JSON"},
      {"[]", 400, "ArgumentInvalid", "must be a JSON object"},
      {"null", 400, "ArgumentInvalid", "must be a JSON object"},
      {"{}", 400, "GenericBadRequest", "ErrorCode:GenericBadRequest;BadRequest\""},
      {with("\"j1\"", "\"j2\""), 400, "ArgumentInvalid", "jobId of the body"},
      {with("\"j1\"", "5"), 400, "ArgumentInvalid", "jobId of the body"},
      {with("scheduleUpdateTwin", "scheduleTwinUpdate"), 400, "GenericBadRequest",
       "ErrorCode:GenericBadRequest;BadRequest\""},
      {with("\"scheduleUpdateTwin\"", "7"), 400, "GenericBadRequest", "ErrorCode:GenericBadRequest;BadRequest\""},
      {with("\"deviceId = 'd1'\"", "null"), 400, "ArgumentNull", "queryCondition is missing"},
      {with("\"deviceId = 'd1'\"", "\" \""), 400, "ArgumentNull", "queryCondition is empty"},
      {with("\"deviceId = 'd1'\"", "[\"d1\"]"), 400, "ArgumentInvalid", "must be a string"},
      {with("null", "\"tomorrow\""), 400, "ArgumentInvalid", "ISO 8601"},
      {with("null", "5"), 400, "ArgumentInvalid", "ISO 8601"},
      {with("null", "\"2999-01-01T00:00:00Z\""), 400, "ArgumentInvalid", "168 hours"},
      {with("\"startTime\":null", "\"maxExecutionTimeInSeconds\":-1"), 400, "ArgumentInvalid", "maxExecutionTime"},
      {with("\"startTime\":null", "\"maxExecutionTimeInSeconds\":1.5"), 400, "ArgumentInvalid", "maxExecutionTime"},
      {with("\"startTime\":null", "\"maxExecutionTimeInSeconds\":\"60 s\""), 400, "ArgumentInvalid",
       "maxExecutionTime"},
      {with("\"startTime\":null", "\"maxExecutionTimeInSeconds\":99999999999"), 400, "ArgumentInvalid",
       "maxExecutionTime"},
      {with("updateTwin", "twin"), 400, "ArgumentNull", "updateTwin is missing"},
      {with(R"({"etag":"*","tags":{"a":1}})", "[]"), 400, "ArgumentInvalid", "must be a JSON object"},
      {with(R"("etag":"*",)", ""), 400, "ArgumentInvalid", "Missing or invalid etag for job type ScheduleUpdateTwin."},
      {with(R"("etag":"*",)", R"("etag":"AAAAAAAAAAE=",)"), 400, "ArgumentInvalid", "only accepts '*' as the Etag"},
      {with(R"("tags":{"a":1})", R"("tags":5)"), 400, "ArgumentInvalid", ""},
      {with(R"("tags":{"a":1})", R"("tags":{"$a":1})"), 400, "ArgumentInvalid", ""},
      {with(R"("tags":{"a":1})", R"("tags":{"a":")" + std::string(5000, 'x') + R"("})"), 400, "ArgumentInvalid", ""},
      {with("\"startTime\":null", R"("more":")" + std::string(300'000, 'x') + '"'), 413, "MessageTooLarge", "262144"},
      {method("null"), 400, "ArgumentNull", "cloudToDeviceMethod is missing"},
      {method("[]"), 400, "ArgumentInvalid", "must be a JSON object"},
      {method("{}"), 400, "ArgumentInvalid", "methodName"},
      {method(R"({"methodName":"a b"})"), 400, "ArgumentInvalid", "methodName"},
      {method(R"({"methodName":"m","responseTimeoutInSeconds":4})"), 400, "ArgumentInvalid", "response timeout"},
      {method(R"({"methodName":"m","responseTimeoutInSeconds":"x"})"), 400, "ArgumentInvalid", "whole number"},
      {method(R"({"methodName":"m","connectTimeoutInSeconds":60})"), 400, "ArgumentInvalid", "cannot be longer"},
      {method(R"({"methodName":"m","payload":")" + std::string(131'072, 'x') + "\"}"), 413, "MessageTooLarge",
       "131072"},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.body.substr(0, 200));
    expect_refused(hub.call("PUT", "/jobs/v2/j1", row.body), row.status, row.name, row.words);
  }
  const std::string longest(64, 'a');
  for (const std::string& id : {std::string("a*"), std::string("a_b"), std::string("a.b"), longest + "a"}) {
    const std::string target = "/jobs/v2/" + id;
    std::string body(update);
    body.replace(body.find("j1"), 2, id);
    expect_refused(hub.call("PUT", target, body), 400, "ArgumentInvalid", "jobId");
  }
  EXPECT_EQ(hub.call("GET", "/jobs/v2/query").body, "[]");
  for (int i = 0; i < 5; ++i) hub.hub().tick();
  EXPECT_NE(hub.call("GET", "/twins/d1").body.find("\"version\":2"), std::string::npos);
  std::string body(update);
  body.replace(body.find("j1"), 2, longest);
  EXPECT_EQ(hub.call("PUT", "/jobs/v2/" + longest, body).status, 200U);
  body.replace(body.find(longest), longest.size(), "it's-1");
  EXPECT_EQ(hub.call("PUT", "/jobs/v2/it's-1", body).status, 200U);
}

TEST(RestJobs, TheRouteAsksForItsVersionItsRightAndItsVerb) {
  const RestHub hub;
  hub.create("d1");
  const struct {
    const char* verb;
    const char* target;
  } routes[] = {
      {"PUT", "/jobs/v2/j1"}, {"GET", "/jobs/v2/j1"}, {"GET", "/jobs/v2/query"}, {"POST", "/jobs/v2/j1/cancel"}};
  for (const auto& [verb, target] : routes) {
    SCOPED_TRACE(std::string(verb) + " " + target);
    const std::string path(target);
    expect_refused(hub.call(verb, path + "?x=1", update), 400, "InvalidProtocolVersion", "api-version");
    expect_refused(hub.call(verb, path + "?api-version=now", update), 400, "InvalidProtocolVersion", "api-version");
    expect_refused(hub.call(verb, path, update, "Authorization: " + hub.token("registryReadWrite") + "\r\n"), 401,
                   "IotHubUnauthorizedAccess", "Unauthorized");
    expect_refused(hub.call(verb, path, update, "Authorization: Bearer x\r\n"), 401, "IotHubUnauthorizedAccess",
                   "Unauthorized");
    EXPECT_EQ(hub.call("DELETE", path).status, 405U);
  }
  EXPECT_EQ(hub.call("GET", "/jobs/v2/query").body, "[]");
}

TEST(RestJobs, ArraysNeedAnApiVersionThatHasThem) {
  const RestHub hub;
  const std::string body = with(R"({"a":1})", R"({"a":[1]})");
  EXPECT_EQ(hub.call("PUT", "/jobs/v2/j1?api-version=2018-06-30", body).status, 400U);
  EXPECT_EQ(hub.call("PUT", "/jobs/v2/j1?api-version=2019-10-01", body).status, 200U);
}

TEST(RestJobs, OfManyPutsOfOneIdOneIsTaken) {
  const RestHub hub;
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(std::make_unique<Peer>(hub.port()));
    peers.back()->send(hub.request("PUT", "/jobs/v2/j1?api-version=2021-04-12", update));
  }
  int taken = 0;
  for (auto& peer : peers) {
    const Answer answer = peer->receive();
    if (answer.status == 200) {
      ++taken;
    } else {
      EXPECT_EQ(answer.status, 409U) << answer.body;
    }
  }
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace twinhub::test
