// The plane on the service door: whose the paths are, who may, and what the REST API's routes have to do with it: nothing.
#include "server/management/plane.hpp"

#include "protocol/json/document.hpp"
#include "server/hub/access/access_tokens.hpp"
#include "tests/unit/server/rest/rest_hub.hpp"

#include <gtest/gtest.h>
#include <condition_variable>
#include <thread>

namespace twinhub::management {
namespace {

using test::Answer;
using test::RestHub;

/// A Resource Manager that remembers what it was asked, and can be held.
class Recorder {
 public:
  ArmAnswer answer(const ArmRequest& request) {
    MutexLock lock(mutex_);
    requests_.push_back(request);
    while (held_) lock.wait(changed_);
    if (request.segments.back() == "throws") throw std::runtime_error("on purpose");
    return {200, R"({"by":")" + request.client + R"("})", {{"ETag", "x"}}};
  }
  [[nodiscard]] std::vector<ArmRequest> requests() {
    const MutexLock lock(mutex_);
    return requests_;
  }
  void hold(bool held) {
    const MutexLock lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }

 private:
  Mutex mutex_;
  std::condition_variable changed_;
  bool held_ GUARDED_BY(mutex_) = false;
  std::vector<ArmRequest> requests_ GUARDED_BY(mutex_);
};

struct PlaneTest : testing::Test {
  RestHub::MakeAnnex annex(PlaneOptions options) {
    return [this, options](hub::Hub& its_hub, net::Threads& threads) {
      hubs_tokens.push_back(std::make_unique<hub::AccessTokens>("secret", its_hub.clock));
      tokens = hubs_tokens.front().get();
      its_hub.authenticator.accept(*hubs_tokens.back());
      auto made = std::make_unique<Plane>(
          its_hub, threads, *hubs_tokens.back(), [this](const ArmRequest& request) { return recorder.answer(request); },
          options);
      if (plane == nullptr) plane = made.get();
      return made;
    };
  }
  static std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }
  [[nodiscard]] std::string manager(const std::string& client = "iothubowner",
                                    std::string_view key = test::policy_key) const {
    return bearer(tokens->issue(hub::Audience::resource_manager, client, key));
  }
  [[nodiscard]] std::string service(const std::string& client) const {
    return bearer(tokens->issue(hub::Audience::service_api, client, test::policy_key));
  }
  [[nodiscard]] std::string subscription() const { return "/subscriptions/" + tokens->subscription(); }
  static std::string code(const Answer& answer) {
    const auto document = json::parse(answer.body);
    const auto error = document ? document->root().find("error") : std::nullopt;
    const auto found = error ? error->find("code") : std::nullopt;
    return found ? found->string().value_or("") : error && error->string() ? *error->string() : "";
  }

  Recorder recorder;
  std::vector<std::unique_ptr<hub::AccessTokens>> hubs_tokens;  // further hubs have the same secret
  hub::AccessTokens* tokens = nullptr;
  Plane* plane = nullptr;  // of `hub`
  RestHub hub{{}, {}, {}, annex({.owner_manages = true, .tls_only = false})};
};

constexpr const char* plane_paths[] = {"/metadata/endpoints",
                                       "/adfs/.well-known/openid-configuration",
                                       "/adfs/adfs/.well-known/openid-configuration",
                                       "/11111111-2222-3333-4444-555555555555/v2.0/.well-known/openid-configuration",
                                       "/adfs/discovery/keys",
                                       "/adfs/oauth2/token",
                                       "/adfs/oauth2/authorize",
                                       "/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token",
                                       "/subscriptions",
                                       "/SUBSCRIPTIONS/1/resourcegroups",
                                       "/tenants",
                                       "/providers/Microsoft.Devices"};

TEST_F(PlaneTest, OffOrWithoutTlsEveryPathIsUnknown) {
  const RestHub off;
  const RestHub plain({}, {}, {}, annex({.owner_manages = true, .tls_only = true}));
  for (const char* path : plane_paths) {
    for (const char* method : {"GET", "POST", "PUT"}) {
      SCOPED_TRACE(std::string(method) + " " + path);
      for (const RestHub* each : {&off, &plain}) {
        const Answer answer = each->call(method, path, "", manager());
        EXPECT_EQ(answer.status, 404U);
        EXPECT_EQ(answer.error_name(), "InvalidOperation") << answer.body;
      }
      EXPECT_NE(hub.call(method, path, "", manager()).error_name(), "InvalidOperation");
    }
  }
}

TEST_F(PlaneTest, AClientLogsInAndManages) {
  const std::string form =
      "grant_type=client_credentials&client_id=iothubowner&scope=https://hub.local//.default&client_secret=" +
      std::string(test::policy_key);
  const Answer login = hub.call("POST", "/adfs/oauth2/token?client-request-id=1", form,
                                "Content-Type: application/x-www-form-urlencoded\r\nAuthorization:\r\n");
  ASSERT_EQ(login.status, 200U) << login.body;
  EXPECT_EQ(login.headers.at("cache-control"), "no-store");
  const auto token = json::parse(login.body)->root().find("access_token")->string().value_or("");
  const Answer answer = hub.call(
      "PUT",
      subscription() + "/resourceGroups/My%20Group/providers/Microsoft.Devices//IotHubs/N?api-version=1&$filter=a",
      "{not json", "If-Match: {'IF-MATCH': 'E'}\r\n" + bearer(token));
  EXPECT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(answer.body, R"({"by":"iothubowner"})");
  EXPECT_EQ(answer.headers.at("etag"), "x");
  ASSERT_EQ(recorder.requests().size(), 1U);
  const ArmRequest request = recorder.requests().front();
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.segments, (std::vector<std::string>{"subscriptions", tokens->subscription(), "resourceGroups",
                                                        "My Group", "providers", "Microsoft.Devices", "IotHubs", "N"}));
  EXPECT_EQ(request.query.at("$filter"), "a");
  EXPECT_EQ(request.if_match, "{'IF-MATCH': 'E'}");
  EXPECT_EQ(request.body, "{not json");
  EXPECT_EQ(request.client, "iothubowner");
  EXPECT_EQ(request.host, "hub.local");
}

TEST_F(PlaneTest, OnlyTheOwnerAndTheManagementClientManage) {
  EXPECT_EQ(code(hub.call("GET", "/subscriptions", "", manager("service"))), "AuthorizationFailed");
  EXPECT_EQ(hub.call("GET", "/subscriptions", "", manager("service")).status, 403U);
  EXPECT_EQ(hub.call("GET", "/subscriptions", "", manager("management", "key")).status, 401U) << "there is no key";
  plane->set_management_key(hub::Policy{"management", hub::Right::none, "key", "second"});
  EXPECT_EQ(hub.call("GET", "/subscriptions", "", manager("management", "key")).status, 200U);
  EXPECT_EQ(hub.call("GET", "/subscriptions", "", manager("management", "second")).status, 200U);
  EXPECT_EQ(
      hub.call("GET", "/devices", "", bearer(tokens->issue(hub::Audience::service_api, "management", "key"))).status,
      401U)
      << "it manages, and nothing else";
  plane->set_management_key(std::nullopt);
  EXPECT_EQ(code(hub.call("GET", "/subscriptions", "", manager("management", "key"))), "InvalidAuthenticationToken");

  const RestHub strict({}, {}, {}, annex({.owner_manages = false, .tls_only = false}));
  const Answer owner = strict.call("GET", "/subscriptions", "", manager());
  EXPECT_EQ(owner.status, 403U);
  EXPECT_NE(owner.body.find("twinhub policy create management"), std::string::npos) << owner.body;
}

TEST_F(PlaneTest, TokensThatAreNotForResourceManagerAreRefused) {
  const auto refusal = [&](const std::string& headers) {
    const Answer answer = hub.call("GET", "/subscriptions", "", headers);
    EXPECT_EQ(answer.status, 401U) << answer.body;
    EXPECT_EQ(answer.headers.at("www-authenticate"),
              R"(Bearer authorization_uri="https://hub.local/adfs", error="invalid_token")");
    return code(answer);
  };
  EXPECT_EQ(refusal("Authorization:\r\n"), "AuthenticationFailed");
  EXPECT_EQ(refusal("Authorization: Bearer abc\r\n"), "InvalidAuthenticationToken");
  EXPECT_EQ(refusal("Authorization: " + hub.token("iothubowner") + "\r\n"), "InvalidAuthenticationToken") << "SAS";
  EXPECT_EQ(refusal(service("iothubowner")), "InvalidAuthenticationTokenAudience");
  EXPECT_EQ(refusal(manager("iothubowner", "another key")), "InvalidAuthenticationToken");
  EXPECT_TRUE(recorder.requests().empty());
}

TEST_F(PlaneTest, TheServiceApiTakesItsOwnTokensForTheirRights) {
  hub.create("d1");
  EXPECT_EQ(hub.call("GET", "/twins/d1", "", service("service")).status, 200U);
  EXPECT_EQ(hub.call("GET", "/devices/d1", "", service("service")).status, 401U);
  EXPECT_EQ(hub.call("GET", "/devices/d1", "", service("registryRead")).status, 200U);
  EXPECT_EQ(hub.call("PUT", "/devices/d2", "{}", service("registryReadWrite")).status, 200U);
  EXPECT_EQ(hub.call("GET", "/twins/d1", "", manager()).status, 401U) << "a token for Resource Manager";
  for (const char* device_route : {"/devices/d1/messages/events", "/devices/none/messages/events"}) {
    EXPECT_EQ(hub.call("POST", device_route, "x", service("device")).status, 401U) << device_route;
    EXPECT_EQ(hub.call("POST", device_route, "x", service("iothubowner")).status, 401U) << device_route;
  }
  EXPECT_EQ(hub.call("GET", "/devices/d1/modules", "", service("device")).status, 401U);
}

TEST_F(PlaneTest, AnotherSubscriptionOrTenantIsNotFound) {
  const std::string other = "11111111-2222-3333-4444-555555555555";
  EXPECT_EQ(code(hub.call("GET", "/subscriptions/" + other + "/resourcegroups", "", manager())),
            "SubscriptionNotFound");
  EXPECT_EQ(hub.call("GET", "/subscriptions/" + other, "", manager()).status, 404U);
  std::string upper = subscription();
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_EQ(hub.call("GET", upper, "", manager()).status, 200U);

  EXPECT_EQ(code(hub.call("GET", "/" + other + "/v2.0/.well-known/openid-configuration")), "invalid_tenant");
  EXPECT_EQ(hub.call("POST", "/" + other + "/oauth2/v2.0/token", "grant_type=client_credentials").status, 400U);
  EXPECT_EQ(hub.call("GET", "/" + tokens->tenant() + "/v2.0/.well-known/openid-configuration").status, 200U);
}

TEST_F(PlaneTest, AStrangersLogInIsSmallAndOfKnownLength) {
  const std::string headers = "Authorization:\r\n";
  const std::string large(TokenEndpoint::form_bytes_max + 1, 'a');
  EXPECT_EQ(hub.call("POST", "/adfs/oauth2/token", large, headers).status, 413U);
  EXPECT_EQ(hub.call("POST", "/adfs/oauth2/token", "0\r\n\r\n", headers + "Transfer-Encoding: chunked\r\n").status,
            411U);
  EXPECT_EQ(hub.call("GET", "/adfs/oauth2/token", "", headers).status, 405U);
  EXPECT_EQ(hub.call("POST", "/metadata/endpoints", "", headers).status, 405U);
}

TEST_F(PlaneTest, WhatStandsInTheDocumentsUrlsIsAName) {
  for (const std::string& host :
       {std::string("hub.local/evil"), std::string("a\"b"), std::string("<x>"), std::string(), std::string(300, 'a')}) {
    test::Peer peer(hub.port());
    peer.send("GET /metadata/endpoints HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    EXPECT_EQ(peer.receive().status, 400U) << host;
  }
  test::Peer peer(hub.port());
  peer.send("GET /metadata/endpoints?api-version=2015-01-01 HTTP/1.1\r\nHost: [::1]:9443\r\n\r\n");
  const Answer answer = peer.receive();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_NE(answer.body.find("https://[::1]:9443/adfs"), std::string::npos);
}

TEST_F(PlaneTest, AProxysWholeUrlNamesTheHubInThePlaceOfTheHostHeader) {
  const std::string path = "/metadata/endpoints?api-version=2015-01-01 HTTP/1.1\r\nHost: other\r\n\r\n";
  test::Peer peer(hub.port());
  peer.send("GET https://hub.example:8443" + path);
  const Answer answer = peer.receive();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_NE(answer.body.find("https://hub.example:8443/adfs"), std::string::npos) << answer.body;
  test::Peer other(hub.port());
  other.send("GET https://user@hub.example" + path);
  EXPECT_EQ(other.receive().status, 400U);
}

TEST_F(PlaneTest, AFailureInResourceManagerIsAnAnswer) {
  const Answer answer = hub.call("GET", subscription() + "/throws", "", manager());
  EXPECT_EQ(answer.status, 500U);
  EXPECT_EQ(code(answer), "InternalServerError");
}

TEST_F(PlaneTest, RequestsWaitInABoundedQueueAndNoIoThreadWaitsWithThem) {
  recorder.hold(true);
  std::vector<std::unique_ptr<test::Peer>> peers;
  for (std::size_t i = 0; i < PlaneOptions{}.requests_max; ++i) {
    peers.push_back(std::make_unique<test::Peer>(hub.port()));
    peers.back()->send(hub.request("GET", subscription(), "", manager()));
  }
  while (plane->waiting() < PlaneOptions{}.requests_max) std::this_thread::yield();
  const Answer refused = hub.call("GET", subscription(), "", manager());
  EXPECT_EQ(refused.status, 429U);
  EXPECT_EQ(hub.call("GET", "/statistics/service").status, 200U) << "the REST API answers meanwhile";
  EXPECT_EQ(code(refused), "TooManyRequests");
  while (recorder.requests().empty()) std::this_thread::yield();
  EXPECT_EQ(recorder.requests().size(), 1U) << "one at a time";
  recorder.hold(false);
  for (const auto& peer : peers) EXPECT_EQ(peer->receive().status, 200U);
}

}  // namespace
}  // namespace twinhub::management
