#include "server/management/token_endpoint.hpp"

#include "protocol/json/document.hpp"
#include "still_clock.hpp"

#include <gtest/gtest.h>

namespace twinhub::management {
namespace {

const auto peer = boost::asio::ip::make_address("10.0.0.1");
constexpr std::string_view host = "hub.local:9443";

struct TokenEndpointTest : testing::Test {
  [[nodiscard]] rest::Response log_in(const std::string& client, const std::string& secret,
                                      const std::string& scope = "https%3A%2F%2Fhub.local%3A9443%2F%2F.default") {
    return endpoint.log_in("client_id=" + client + "&scope=" + scope + "&client_info=1&client_secret=" + secret +
                               "&grant_type=client_credentials",
                           host, peer);
  }
  static std::string member(const rest::Response& response, std::string_view name) {
    const auto document = json::parse(response.body);
    const auto found = document ? document->root().find(name) : std::nullopt;
    return found ? found->string().value_or("") : "";
  }
  [[nodiscard]] std::string client_of(const rest::Response& response, hub::Audience audience) const {
    return tokens.verify(audience, "Bearer " + member(response, "access_token"), find).client;
  }

  StillClock clock;
  hub::AccessTokens tokens{"secret", clock};
  hub::AccessTokens::FindClient find = [](const std::string& name) -> std::optional<hub::Policy> {
    if (name != "owner") return std::nullopt;
    return hub::Policy{"owner", hub::Right::registry_read, "a+/=", "second"};
  };
  TokenEndpoint endpoint{tokens, clock, find};
};

TEST_F(TokenEndpointTest, EitherKeyGetsATokenForWhatWasAskedFor) {
  const auto for_manager = log_in("owner", "a%2B%2F%3D");
  ASSERT_EQ(for_manager.status, 200U) << for_manager.body;
  EXPECT_EQ(member(for_manager, "token_type"), "Bearer");
  EXPECT_EQ(json::parse(for_manager.body)->root().find("expires_in")->integer(), 3600);
  EXPECT_EQ(client_of(for_manager, hub::Audience::resource_manager), "owner");
  EXPECT_EQ(client_of(for_manager, hub::Audience::service_api), "");
  const auto for_service = log_in("owner", "second", "https://iothubs.azure.net/.default");
  EXPECT_EQ(client_of(for_service, hub::Audience::service_api), "owner");
}

TEST_F(TokenEndpointTest, AnUnknownClientAndAWrongSecretGetOneAnswer) {
  const auto unknown = log_in("nobody", "x"), wrong = log_in("owner", "x");
  EXPECT_EQ(unknown.status, 401U);
  EXPECT_EQ(member(unknown, "error"), "invalid_client");
  EXPECT_EQ(unknown.body, wrong.body);
  EXPECT_EQ(unknown.status, wrong.status);
}

TEST_F(TokenEndpointTest, FailuresMakeTheAddressWaitAlsoWithTheRightSecret) {
  for (unsigned i = 0; i < LoginLimits{}.failures_at_once; ++i) {
    EXPECT_FALSE(endpoint.refuse_early(peer));
    EXPECT_EQ(log_in("owner", "wrong").status, 401U);
  }
  const auto early = endpoint.refuse_early(peer);
  ASSERT_TRUE(early);
  EXPECT_EQ(early->status, 429U);
  const auto late = log_in("owner", "second");
  EXPECT_EQ(late.status, 429U);
  EXPECT_NE(
      std::find(late.headers.begin(), late.headers.end(), std::pair<std::string, std::string>("Retry-After", "6")),
      late.headers.end());
  clock.advance_seconds(6);
  EXPECT_EQ(log_in("owner", "second").status, 200U);
}

TEST_F(TokenEndpointTest, SuccessesDoNotCount) {
  for (int i = 0; i < 100; ++i) ASSERT_EQ(log_in("owner", "second").status, 200U);
}

TEST_F(TokenEndpointTest, OtherGrantsScopesAndFormsAreRefused) {
  const auto error = [&](const std::string& form) { return member(endpoint.log_in(form, host, peer), "error"); };
  EXPECT_EQ(error("grant_type=password&client_id=owner&client_secret=second"), "unsupported_grant_type");
  EXPECT_EQ(error("client_id=owner&client_secret=second"), "invalid_request");
  EXPECT_EQ(error("grant_type=client_credentials&client_id=owner"), "invalid_request");
  EXPECT_EQ(error("grant_type=client_credentials&client_id=owner&client_secret="), "invalid_request");
  EXPECT_EQ(error(""), "invalid_request");
  EXPECT_EQ(error("&&=&%"), "invalid_request");
  EXPECT_EQ(member(log_in("owner", "second", "https://graph.microsoft.com/.default"), "error"), "invalid_scope");
  EXPECT_EQ(member(log_in("owner", "second", ""), "error"), "invalid_scope");
  EXPECT_EQ(member(log_in("owner", "second", "https://elsewhere/.default"), "error"), "invalid_scope");
}

TEST_F(TokenEndpointTest, EachRefusalSaysToTheOperatorWhy) {
  const auto noted = [&](const std::string& form) {
    const auto response = endpoint.log_in(form, host, peer);
    EXPECT_EQ(response.status, 400U);
    EXPECT_NE(member(response, "error_description").find(response.note ? response.note->detail : "no note"),
              std::string::npos);
    return response.note ? response.note->reason : Reason::other;
  };
  EXPECT_EQ(noted(""), Reason::no_credentials);
  EXPECT_EQ(noted("grant_type=password&client_id=owner&client_secret=second"), Reason::unsupported);
  EXPECT_EQ(noted("grant_type=client_credentials&client_id=owner"), Reason::no_credentials);
  EXPECT_EQ(noted("grant_type=client_credentials&client_id=owner&client_secret=second&scope=https://elsewhere"),
            Reason::wrong_resource);
  EXPECT_FALSE(log_in("owner", "second").note) << "nothing was refused";
  for (unsigned i = 0; i < LoginLimits{}.failures_at_once; ++i) (void)log_in("owner", "wrong");
  EXPECT_EQ(log_in("owner", "second").note->reason, Reason::login_rate);
}

TEST(AudienceOf, TheHubsOwnNameAndTheCloudsAreKnownWithOrWithoutASlash) {
  using hub::Audience;
  for (const std::string_view scope :
       {"https://hub.local:9443//.default", "https://hub.local:9443/.default", "https://hub.local:9443/",
        "https://HUB.local:9443", "https://management.azure.com/.default",
        "https://management.core.windows.net//.default"})
    EXPECT_EQ(audience_of(scope, host), Audience::resource_manager) << scope;
  EXPECT_EQ(audience_of("https://iothubs.azure.net/.default", host), Audience::service_api);
  EXPECT_EQ(audience_of("https://hub.local:443/.default", "hub.local"), Audience::resource_manager);
  EXPECT_EQ(audience_of("https://hub.local/.default", "hub.local:443"), Audience::resource_manager);
  for (const std::string_view scope : {"https://hub.local/.default", "http://hub.local:9443", "", "/.default", "openid",
                                       "https://azure-devices-provisioning.net/.default"})
    EXPECT_EQ(audience_of(scope, host), std::nullopt) << scope;
}

TEST(FormField, IsDecodedOnceAndTheFirstCounts) {
  EXPECT_EQ(form_field("a=1&b=x+y%2Bz&b=2", "b"), "x y+z");
  EXPECT_EQ(form_field("a%62=1", "ab"), "1");
  EXPECT_EQ(form_field("a", "a"), "");
  EXPECT_EQ(form_field("a=b=c", "a"), "b=c");
  EXPECT_EQ(form_field("", "a"), std::nullopt);
}

}  // namespace
}  // namespace twinhub::management
