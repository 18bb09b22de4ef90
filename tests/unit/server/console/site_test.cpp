// Who may come in, and what the API answers, without a socket.
#include "console_world.hpp"

#include <gtest/gtest.h>

namespace twinhub::console {
namespace {

using Headers = ConsoleWorld::Headers;

struct SiteTest : testing::Test, ConsoleWorld {
  unsigned status(std::string_view method, std::string_view target, const std::string& body = {},
                  Headers headers = {}) {
    return send(method, target, body, std::move(headers)).status;
  }
};

TEST_F(SiteTest, OnlyNamesOfTheHubOpenIt) {
  for (const char* host :
       {"localhost", "localhost:9600", "127.0.0.1:9600", "[::1]:9600", "10.1.2.3", "hub.example:9600"})
    EXPECT_EQ(status("GET", "/console/api/info", "", {{"Host", host}}), 200U) << host;
  for (const char* host : {"evil.example", "localhost.evil.example", "", "hub.example.evil:9600", "localhost:9600:1"}) {
    const auto answer = send("GET", "/console/api/info", "", {{"Host", host}});
    EXPECT_EQ(answer.status, 421U) << host;
    EXPECT_NE(answer.body.find("console.hosts"), std::string::npos);
    EXPECT_EQ(answer.noted, Reason::wrong_host);
    EXPECT_EQ(status("GET", "/console/", "", {{"Host", host}}), 421U) << host;
  }
}

TEST_F(SiteTest, PagesOfOtherSitesAreKeptOut) {
  const Headers foreign[] = {{{"Origin", "http://evil.example"}},
                             {{"Origin", "http://localhost:8080"}},
                             {{"Origin", "null"}},
                             {{"Sec-Fetch-Site", "cross-site"}},
                             {{"Sec-Fetch-Site", "same-site"}}};
  for (const Headers& headers : foreign) {
    EXPECT_EQ(status("GET", "/console/api/info", "", headers), 403U) << headers[0].second;
    EXPECT_EQ(status("GET", "/console/assets/app.js", "", headers), 403U) << headers[0].second;
    EXPECT_EQ(status("POST", "/console/api/session", "{}", headers), 403U) << headers[0].second;
  }
  EXPECT_EQ(status("GET", "/console/api/info", "", {{"Origin", "http://localhost:9600"}}), 200U);
  EXPECT_EQ(status("GET", "/console/api/info", "", {{"Sec-Fetch-Site", "same-origin"}}), 200U);
  EXPECT_EQ(status("GET", "/console/api/info", "", {{"Sec-Fetch-Site", "none"}}), 200U);
}

TEST_F(SiteTest, ALinkOnAnotherSiteLeadsToThePageButNotToTheApi) {
  const Headers link{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}};
  EXPECT_EQ(status("GET", "/console/devices", "", link), 404U) << "these pages are not built";
  EXPECT_EQ(status("GET", "/console/api/info", "", link), 403U);
  EXPECT_EQ(status("POST", "/console/devices", "{}", link), 403U);
}

TEST_F(SiteTest, EveryAnswerHasTheHeadersThatProtectThePage) {
  for (const auto& answer : {send("GET", "/console/"), send("GET", "/console/api/info"), send("GET", "/console/api/no"),
                             send("GET", "/console/", "", {{"Host", "evil"}}), send("PUT", "/console/")}) {
    EXPECT_EQ(header(answer, "Content-Security-Policy"),
              "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
              "trusted-types 'none'");
    EXPECT_EQ(header(answer, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header(answer, "Referrer-Policy"), "no-referrer");
    EXPECT_EQ(header(answer, "Cross-Origin-Opener-Policy"), "same-origin");
    EXPECT_EQ(header(answer, "Cross-Origin-Resource-Policy"), "same-origin");
  }
}

TEST_F(SiteTest, WithoutASessionThereIsNoMoreThanTheLogIn) {
  for (const char* path : {"session", "connections", "figures", "pending", "connect/d1", "doctor/d1",
                           "stream?topics=figures", "ca.pem", "hub/devices?api-version=2021-04-12"}) {
    const auto answer = send("GET", std::string("/console/api/") + path);
    EXPECT_EQ(answer.status, 401U) << path;
    EXPECT_EQ(header(answer, "WWW-Authenticate"), "Bearer");
  }
  EXPECT_TRUE(calls.empty());
  const auto info = send("GET", "/console/api/info");
  EXPECT_EQ(hub::at(info.body, "name"), "\"hub\"");
  EXPECT_EQ(hub::at(info.body, "policy"), "") << info.body;
  token = "a-token-that-nobody-has-given";
  EXPECT_EQ(hub::at(send("GET", "/console/api/session").body, "session"), "\"unknown\"");
}

TEST_F(SiteTest, AKeyOrAConnectionStringLogsIn) {
  log_in("service", 'C');
  const auto session = send("GET", "/console/api/session");
  EXPECT_EQ(hub::at(session.body, "policy"), "\"service\"");
  EXPECT_EQ(hub::at(session.body, "rights"), R"(["ServiceConnect"])");
  EXPECT_EQ(hub::at(session.body, "token"), "");
  EXPECT_EQ(status("DELETE", "/console/api/session"), 204U);
  EXPECT_EQ(status("GET", "/console/api/session"), 401U);
  token.clear();
  EXPECT_EQ(status("POST", "/console/api/session",
                   R"({"connectionString":"HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey=)" +
                       hub::test_key('A') + "\"}"),
            201U);
  EXPECT_EQ(
      status("POST", "/console/api/session", R"({"connectionString":"HostName=h;DeviceId=d;SharedAccessKey=eA=="})"),
      400U);
  for (const char* body : {"{}", "[]", "nonsense", R"({"policy":"service"})", R"({"policy":1,"key":2})"})
    EXPECT_EQ(status("POST", "/console/api/session", body), 400U) << body;
}

TEST_F(SiteTest, ARefusedLogInSaysWhyAndFiveAreTheMostOfAMinute) {
  const auto wrong = [this] { return send("POST", "/console/api/session", R"({"policy":"service","key":"eHh4"})"); };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(wrong().status, 401U);
  const auto answer = wrong();
  EXPECT_EQ(answer.status, 429U);
  EXPECT_GT(std::stoi(header(answer, "Retry-After")), 0);
  EXPECT_EQ(status("POST", "/console/api/session", R"({"policy":"device","key":")" + hub::test_key('E') + "\"}", {}),
            429U);
  world.clock.advance_seconds(60);
  EXPECT_EQ(status("POST", "/console/api/session", R"({"policy":"device","key":")" + hub::test_key('E') + "\"}"), 403U);
}

TEST_F(SiteTest, KeysAreTakenInClearFromThisMachineAlone) {
  peer = boost::asio::ip::make_address("10.0.0.7");
  const std::string body = R"({"policy":"service","key":")" + hub::test_key('C') + "\"}";
  EXPECT_EQ(status("POST", "/console/api/session", body), 403U);
  EXPECT_EQ(hub::at(send("GET", "/console/api/info").body, "login"), "\"refused\"");
  ConsoleWorld plain({.takes_keys = true});
  plain.peer = peer;
  EXPECT_EQ(plain.send("POST", "/console/api/session", body).status, 201U);
}

TEST_F(SiteTest, ADevHubNeedsNoKeyUnderALoopbackName) {
  EXPECT_EQ(status("POST", "/console/api/session", R"({"dev":true})"), 403U) << "no dev hub";
  ConsoleWorld dev({.dev = true});
  EXPECT_EQ(dev.send("POST", "/console/api/session", R"({"dev":true})", {{"Host", "hub.example"}}).status, 403U);
  EXPECT_EQ(dev.send("POST", "/console/api/session", R"({"dev":true})", {{"Host", "10.1.2.3"}}).status, 403U);
  EXPECT_EQ(hub::at(dev.send("GET", "/console/api/info").body, "devLogin"), "true");
  EXPECT_EQ(dev.send("POST", "/console/api/session", R"({"dev":true})").status, 201U);
  EXPECT_EQ(dev.send("POST", "/console/api/session", R"({"dev":true})", {{"Host", "[::1]:9600"}}).status, 201U);
  dev.peer = boost::asio::ip::make_address("10.0.0.7");
  EXPECT_EQ(dev.send("POST", "/console/api/session", R"({"dev":true})").status, 403U);
}

TEST_F(SiteTest, BodiesAreJsonButForMessages) {
  log_in("iothubowner", 'A');
  EXPECT_EQ(status("PATCH", "/console/api/hub/twins/d1", "{}", {{"Content-Type", "text/plain"}}), 415U);
  EXPECT_EQ(status("POST", "/console/api/session", "{}", {{"Content-Type", "application/x-www-form-urlencoded"}}),
            415U);
  EXPECT_EQ(
      status("POST", "/console/api/hub/devices/d1/messages/devicebound", "text", {{"Content-Type", "text/plain"}}),
      200U);
  EXPECT_EQ(
      status("PATCH", "/console/api/hub/digitaltwins/d1", "[]", {{"Content-Type", "application/json-patch+json"}}),
      200U);
}

TEST_F(SiteTest, TheRestRoutesGetTheRequestWithTheSessionsRightsAndWithoutItsToken) {
  log_in("registryReadWrite", 'I');
  const auto answer = send("PATCH", "/console/api/hub/twins/a%2Fb?api-version=2021-04-12", R"({"a":1})",
                           {{"If-Match", "\"AAAA\""}, {"x-ms-max-item-count", "7"}});
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(header(answer, "ETag"), "\"x\"");
  EXPECT_EQ(header(answer, "Cache-Control"), "no-store");
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].path, "/twins/a/b");
  EXPECT_EQ(calls[0].body, R"({"a":1})");
  EXPECT_EQ(calls[0].if_match.etag, "AAAA");
  EXPECT_EQ(calls[0].max_item_count, "7");
  EXPECT_EQ(calls[0].parameter("api-version"), "2021-04-12");
  EXPECT_EQ(calls[0].authorization, "");
  EXPECT_EQ(rights, hub::Right::registry_read | hub::Right::registry_write);
}

TEST_F(SiteTest, APolicyDecidesWhatItsSessionSees) {
  log_in("registryRead", 'G');
  EXPECT_EQ(status("GET", "/console/api/connect/d1"), 200U);
  EXPECT_EQ(status("GET", "/console/api/pending"), 403U);
  EXPECT_EQ(status("GET", "/console/api/stream?topics=figures,notices"), 200U);
  EXPECT_EQ(status("GET", "/console/api/stream?topics=figures,events"), 403U);
  log_in("service", 'C');
  EXPECT_EQ(status("GET", "/console/api/connect/d1"), 403U) << "it shows keys";
  EXPECT_EQ(status("GET", "/console/api/pending"), 200U);
  EXPECT_EQ(status("GET", "/console/api/connections"), 200U);
}

TEST_F(SiteTest, WrongPathsAndMethodsAreSaid) {
  log_in("iothubowner", 'A');
  EXPECT_EQ(status("GET", "/console/api/nothing"), 404U);
  EXPECT_EQ(status("GET", "/console/api/connect/"), 404U);
  const auto answer = send("PUT", "/console/api/session");
  EXPECT_EQ(answer.status, 405U);
  EXPECT_EQ(header(answer, "Allow"), "POST, GET, DELETE");
  EXPECT_EQ(status("POST", "/console/devices"), 405U);
  EXPECT_EQ(status("GET", "/console/api/figures?range=1y"), 400U);
  EXPECT_EQ(status("GET", "/console/api/connections?reason=nonsense"), 400U);
  EXPECT_EQ(status("GET", "/console/api/stream?topics=nonsense"), 400U);
  EXPECT_EQ(status("POST", "/console/api/stream", R"({"topics":["state"],"devices":[1]})"), 400U);
  EXPECT_EQ(status("GET", "/console/api/stream"), 400U) << "topics says what to show";
  EXPECT_EQ(status("GET", "/console/api/doctor/d1?since=yesterday"), 400U);
}

TEST_F(SiteTest, TheLogLevelIsSetByWhoMayWrite) {
  log_in("registryRead", 'G');
  const std::string before = hub::at(send("GET", "/console/api/info").body, "logLevel");
  EXPECT_EQ(status("PUT", "/console/api/log-level", R"({"level":"debug"})"), 403U);
  log_in("registryReadWrite", 'I');
  EXPECT_EQ(status("PUT", "/console/api/log-level", R"({"level":"loud"})"), 400U);
  EXPECT_EQ(status("PUT", "/console/api/log-level", R"({"level":"debug"})"), 200U);
  EXPECT_EQ(hub::at(send("GET", "/console/api/info").body, "logLevel"), "\"debug\"");
  EXPECT_EQ(status("PUT", "/console/api/log-level", R"({"level":)" + before + "}"), 200U);
}

TEST_F(SiteTest, ConnectShowsTheConnectionStringsOfADeviceAndTheRecipes) {
  log_in("iothubowner", 'A');
  ASSERT_TRUE(world.put(hub::d1));
  const auto known = send("GET", "/console/api/connect/d1").body;
  EXPECT_EQ(hub::at(known, "exists"), "true");
  EXPECT_EQ(hub::at(known, "connectionStrings/primary"),
            "\"HostName={host};DeviceId=d1;SharedAccessKey=" + world.identity(hub::d1).primary_key + "\"");
  EXPECT_NE(hub::at(known, "recipes").find("mosquitto_pub"), std::string::npos);
  const auto unknown = send("GET", "/console/api/connect/d%3A2").body;
  EXPECT_EQ(hub::at(unknown, "deviceId"), "\"d:2\"");
  EXPECT_EQ(hub::at(unknown, "exists"), "false");
  EXPECT_EQ(hub::at(unknown, "connectionStrings"), "");
  EXPECT_EQ(status("GET", "/console/api/connect/not%20an%20id"), 400U);
}

TEST_F(SiteTest, TheDoctorTellsHowFarADeviceHasCome) {
  log_in("service", 'C');
  ASSERT_TRUE(world.put(hub::d1));
  const auto steps = [this] {
    std::string text;
    const auto document = json::parse(send("GET", "/console/api/doctor/d1").body);
    const auto list = document->root().find("steps");
    for (const json::Value step : *list)
      text += step.find("step")->string().value_or("") + " " + step.find("state")->string().value_or("") + ", ";
    return text;
  };
  EXPECT_EQ(steps(), "tcp waiting, tls waiting, connect waiting, twin waiting, ");
  notices.note({.stage = notices::Stage::tls, .reason = Reason::ca_not_trusted},
               {.protocol = "mqtt", .address = "10.0.3.7"});
  EXPECT_EQ(steps(), "tcp ok, tls failed, connect waiting, twin waiting, ");
  notices.note({.stage = notices::Stage::connect, .reason = Reason::client_id_mismatch, .id = "D1"},
               {.protocol = "mqtt", .address = "10.0.3.7"});
  EXPECT_EQ(steps(), "tcp ok, tls ok, connect failed, twin waiting, ");
  notices.note({.stage = notices::Stage::connect, .reason = Reason::signature_mismatch, .id = "other"},
               {.protocol = "mqtt", .address = "10.0.3.8"});
  EXPECT_EQ(steps(), "tcp ok, tls ok, connect failed, twin waiting, ") << "of another device";
  world.hub.presence.connected(hub::d1);
  EXPECT_EQ(steps(), "tcp ok, tls ok, connect ok, twin waiting, ");
  world.clock.advance_seconds(1);
  world.hub.presence.active(hub::d1);
  EXPECT_EQ(steps(), "tcp ok, tls ok, connect ok, twin ok, ");
}

TEST_F(SiteTest, KeysOfAPolicyAreForWhoHasAllItsRights) {
  log_in("registryRead", 'G');
  const auto list = send("GET", "/console/api/policies").body;
  EXPECT_EQ(list.find(hub::test_key('A')), std::string::npos) << "a list names no key";
  EXPECT_NE(list.find(R"("name":"iothubowner")"), std::string::npos);
  EXPECT_EQ(hub::at(send("GET", "/console/api/policies/registryRead").body, "primaryKey"),
            '"' + hub::test_key('G') + '"');
  EXPECT_EQ(status("GET", "/console/api/policies/iothubowner"), 403U);
  EXPECT_EQ(status("GET", "/console/api/policies/registryReadWrite"), 403U);
  EXPECT_EQ(status("GET", "/console/api/policies/nobody"), 404U);
  log_in("service", 'C');
  EXPECT_EQ(status("GET", "/console/api/policies"), 403U);
  EXPECT_EQ(status("GET", "/console/api/policies/service"), 403U);
  log_in("iothubowner", 'A');
  EXPECT_EQ(status("GET", "/console/api/policies/service"), 200U);
}

TEST(PlayedDevice, AConnectionIsHandedOnForASessionThatMayAlone) {
  ApiOptions options;
  int taken = -1;
  options.take_device = [&taken](const net::Stream::Released& connection, const auto&, const std::string& key) {
    taken = connection.descriptor;
    EXPECT_EQ(key, "AAAAAAAAAAAAAAAAAAAAAA==");
  };
  ConsoleWorld world(options);
  const auto ask = [&world](const std::string& subprotocols, const std::string& version = "13") {
    return world.send("GET", "/console/api/device", "",
                      {{"Connection", "Upgrade"},
                       {"Upgrade", "websocket"},
                       {"Sec-WebSocket-Version", version},
                       {"Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="},
                       {"Sec-WebSocket-Protocol", subprotocols}});
  };
  world.log_in("iothubowner", 'A');
  const std::string own = "session." + world.token;
  EXPECT_EQ(ask("mqtt").status, 401U) << "the header of other requests does not count";
  EXPECT_EQ(ask("mqtt, session.wrong").status, 401U);
  EXPECT_EQ(ask(own).status, 400U) << "another protocol";
  EXPECT_EQ(ask("mqtt, " + own, "12").status, 400U);
  EXPECT_EQ(world.send("GET", "/console/api/device", "", {{"Sec-WebSocket-Protocol", "mqtt, " + own}}).status, 400U);
  const auto answer = ask("mqtt, " + own);
  ASSERT_TRUE(answer.take_over);
  net::Stream::Released connection;
  connection.descriptor = 7;
  answer.take_over(std::move(connection));
  EXPECT_EQ(taken, 7);
  world.log_in("service", 'C');
  EXPECT_EQ(ask("mqtt, session." + world.token).status, 403U);

  ConsoleWorld earnest;
  earnest.log_in("iothubowner", 'A');
  const auto refused =
      earnest.send("GET", "/console/api/device", "", {{"Sec-WebSocket-Protocol", "mqtt, session." + earnest.token}});
  EXPECT_EQ(refused.status, 403U) << "no hub of --dev";
  EXPECT_FALSE(refused.take_over);
}

}  // namespace
}  // namespace twinhub::console
