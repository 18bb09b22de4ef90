// POST /devices/query as bytes: bodies, headers and errors that no SDK sends.
#include "protocol/json/document.hpp"
#include "rest_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

std::string body_of(std::string_view query) { return R"({"query":")" + std::string(query) + "\"}"; }

Answer ask(const RestHub& hub, std::string_view query, const std::string& headers = {}) {
  return hub.call("POST", "/devices/query", body_of(query), headers);
}

std::size_t rows_in(const Answer& answer) {
  const auto document = json::parse(answer.body);
  EXPECT_TRUE(document) << answer.body;
  std::size_t rows = 0;
  for ([[maybe_unused]] const json::Value row : document->root()) ++rows;
  return rows;
}

void expect_refused(const Answer& answer, const std::string& name, std::string_view words) {
  EXPECT_EQ(answer.status, 400U) << answer.body;
  EXPECT_EQ(answer.error_name(), name) << answer.body;
  EXPECT_EQ(answer.headers.at("iothub-errorcode"), name);
  EXPECT_NE(answer.body.find(words), std::string::npos) << answer.body;
  EXPECT_EQ(answer.headers.count("x-ms-item-type"), 0U);
}

TEST(RestQuery, AnswersWithAnArrayAndItsItemType) {
  const RestHub hub;
  Answer answer = ask(hub, "SELECT * FROM devices");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, "[]");
  EXPECT_EQ(answer.headers.at("x-ms-item-type"), "Twin");
  EXPECT_EQ(answer.headers.count("x-ms-continuation"), 0U);
  EXPECT_NE(answer.headers.at("content-type").find("application/json"), std::string::npos);
  hub.create("d1");
  EXPECT_EQ(ask(hub, "SELECT * FROM devices").body, "[" + hub.call("GET", "/twins/d1").body + "]");
  answer = ask(hub, "SELECT deviceId FROM devices");
  EXPECT_EQ(answer.body, R"([{"deviceId":"d1"}])");
  EXPECT_EQ(answer.headers.at("x-ms-item-type"), "Raw");
  EXPECT_EQ(ask(hub, "SELECT * FROM devices.jobs").headers.at("x-ms-item-type"), "DeviceJob");
  EXPECT_EQ(ask(hub, "SELECT COUNT() AS n FROM devices").body, R"([{"n":1}])");
}

TEST(RestQuery, TheApiVersionDecidesOnModelIds) {
  const RestHub hub;
  hub.create("d1");
  const auto at = [&](const std::string& version) {
    return hub.call("POST", "/devices/query?api-version=" + version, body_of("SELECT * FROM devices")).body;
  };
  EXPECT_NE(at("2020-09-30").find("modelId"), std::string::npos);
  EXPECT_EQ(at("2018-06-30").find("modelId"), std::string::npos);
}

TEST(RestQuery, OnePathSegmentAndATrailingSlashAreTheSameRoute) {
  const RestHub hub;
  EXPECT_EQ(hub.call("POST", "/devices%2Fquery", body_of("SELECT * FROM devices")).status, 200U);
  EXPECT_EQ(hub.call("POST", "/devices/query/", body_of("SELECT * FROM devices")).status, 200U);
  EXPECT_EQ(hub.call("POST", "/Devices/Query", body_of("SELECT * FROM devices")).status, 200U);
  EXPECT_EQ(hub.call("GET", "/devices/query").status, 404U);  // a device named "query"
}

TEST(RestQuery, PageSizesAreClampedAndNonsenseIsTheDefault) {
  const RestHub hub;
  for (int i = 0; i < 103; ++i) hub.create("d" + std::to_string(1000 + i));
  const auto rows = [&](const std::string& size) {
    return rows_in(ask(hub, "SELECT * FROM devices", "x-ms-max-item-count: " + size + "\r\n"));
  };
  EXPECT_EQ(rows_in(ask(hub, "SELECT * FROM devices")), 100U);
  EXPECT_EQ(rows("1"), 1U);
  EXPECT_EQ(rows("50"), 50U);
  EXPECT_EQ(rows("100"), 100U);
  for (const char* size : {"101", "1000", "99999999999999999999999", "0", "-1", "x", "5x", "", "1.5"})
    EXPECT_EQ(rows(size), 100U) << size;
}

TEST(RestQuery, TheTokenLeadsToTheRestAndThenThereIsNone) {
  const RestHub hub;
  for (const char* id : {"a", "b", "c"}) hub.create(id);
  const std::string query = "SELECT deviceId FROM devices";
  const Answer first = ask(hub, query, "x-ms-max-item-count: 2\r\n");
  EXPECT_EQ(first.body, R"([{"deviceId":"a"},{"deviceId":"b"}])");
  const std::string token = first.headers.at("x-ms-continuation");
  const Answer last = ask(hub, query, "x-ms-max-item-count: 2\r\nx-ms-continuation: " + token + "\r\n");
  EXPECT_EQ(last.body, R"([{"deviceId":"c"}])");
  EXPECT_EQ(last.headers.count("x-ms-continuation"), 0U);
  expect_refused(ask(hub, query + " WHERE true", "x-ms-continuation: " + token + "\r\n"), "ArgumentInvalid",
                 "continuation token");
  expect_refused(ask(hub, query, "x-ms-continuation: garbled\r\n"), "ArgumentInvalid", "continuation token");
  EXPECT_EQ(rows_in(ask(hub, query, "x-ms-continuation:\r\n")), 3U);  // as if it were not there
}

TEST(RestQuery, ABodyWithoutAQueryIsArgumentNull) {
  const RestHub hub;
  for (const char* body : {"", "{}", R"({"query":null})", "[]", "null"})
    expect_refused(hub.call("POST", "/devices/query", body), "ArgumentNull", "ErrorCode:ArgumentNull;BadRequest");
  EXPECT_EQ(hub.call("POST", "/devices/query", R"({"Query":"SELECT * FROM devices"})").status, 200U);
}

TEST(RestQuery, ABodyThatIsNoQueryIsRefused) {
  const RestHub hub;
  for (const char* body : {R"({"query":5})", R"({"query":["SELECT * FROM devices"]})", R"({"query":{}})"})
    expect_refused(hub.call("POST", "/devices/query", body), "ArgumentInvalid", "must be a string");
  expect_refused(hub.call("POST", "/devices/query", "{\"query\":"), "IotHubFormatError", "JSON");
  expect_refused(hub.call("POST", "/devices/query", "SELECT * FROM devices"), "IotHubFormatError", "JSON");
}

TEST(RestQuery, ASyntaxErrorSaysWhere) {
  const RestHub hub;
  expect_refused(ask(hub, "SELECT * FROM devices ORDER BY deviceId"), "ArgumentInvalid",
                 "ErrorCode:ArgumentInvalid;BadRequest: unexpected 'ORDER' at line 1, column 23");
  expect_refused(ask(hub, ""), "ArgumentInvalid", "SELECT is missing at line 1, column 1");
  expect_refused(ask(hub, "SELECT * FROM devices WHERE a = '" + std::string(8192, 'x') + "'"), "ArgumentInvalid",
                 "longer than 8192 characters");
  // What the text quotes stays valid JSON.
  const Answer quoted = ask(hub, R"(SELECT \"a\" FROM devices)");
  expect_refused(quoted, "ArgumentInvalid", "unexpected");
  EXPECT_TRUE(json::parse(quoted.body));
}

TEST(RestQuery, ExtraMembersAreIgnored) {
  const RestHub hub;
  EXPECT_EQ(hub.call("POST", "/devices/query", R"({"x":[1],"query":"SELECT * FROM devices","parameters":null})").status,
            200U);
}

TEST(RestQuery, ManyQueriesAtOnceAreAllAnswered) {
  const RestHub hub;
  hub.create("d1");
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 30; ++i) {
    peers.push_back(std::make_unique<Peer>(hub.port()));
    peers.back()->send(hub.request("POST", "/devices/query?api-version=2021-04-12",
                                   body_of("SELECT COUNT() AS n FROM devices WHERE tags.x = 1")));
  }
  for (auto& peer : peers) EXPECT_EQ(peer->receive().body, R"([{"n":0}])");
}

}  // namespace
}  // namespace twinhub::test
