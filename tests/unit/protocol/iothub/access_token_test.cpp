#include "protocol/iothub/access_token.hpp"

#include "protocol/ids.hpp"

#include <gtest/gtest.h>
#include <algorithm>

namespace twinhub::iothub {
namespace {

constexpr std::string_view key = "a key of any length";

AccessClaims claims() {
  return {"https://iothubs.azure.net", "https://issuer/", "iothubowner", "tenant", "object", 1'000'000, 1'003'600};
}

std::string base64url(std::string_view bytes) {
  std::string text = base64_encode(bytes);
  text.erase(std::find(text.begin(), text.end(), '='), text.end());
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::string part(const std::string& token, std::size_t number) {
  std::size_t begin = 0;
  for (; number > 0; --number) begin = token.find('.', begin) + 1;
  return token.substr(begin, token.find('.', begin) - begin);
}

TEST(AccessToken, IsReadAsItWasMade) {
  const auto token = read_access_token(make_access_token(claims(), key));
  ASSERT_TRUE(token);
  EXPECT_EQ(token->claims.audience, "https://iothubs.azure.net");
  EXPECT_EQ(token->claims.issuer, "https://issuer/");
  EXPECT_EQ(token->claims.client, "iothubowner");
  EXPECT_EQ(token->claims.tenant, "tenant");
  EXPECT_EQ(token->claims.object, "object");
  EXPECT_EQ(token->claims.issued_at, 1'000'000U);
  EXPECT_EQ(token->claims.expires_at, 1'003'600U);
  EXPECT_TRUE(signature_matches(*token, key));
  EXPECT_FALSE(signature_matches(*token, "another key"));
  EXPECT_FALSE(signature_matches(*token, ""));
}

// The same token, signed by Python's hmac module.
TEST(AccessToken, IsAJsonWebTokenAsOthersReadIt) {
  const std::string token = make_access_token(claims(), key);
  EXPECT_EQ(part(token, 0), "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9");
  EXPECT_EQ(part(token, 2), "Wx3qGJuttlViShbWn3GqJphp9sdQpSOtYCitsa2Ew4Y");
}

TEST(AccessToken, EveryChangedByteSpoilsIt) {
  const std::string token = make_access_token(claims(), key);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed == token) continue;
    const auto read = read_access_token(changed);
    EXPECT_FALSE(read && signature_matches(*read, key)) << i;
  }
}

TEST(AccessToken, NoTokenChoosesHowItIsChecked) {
  const std::string token = make_access_token(claims(), key);
  const std::string body = part(token, 1), signature = part(token, 2);
  for (const std::string_view header :
       {R"({"typ":"JWT","alg":"none"})", R"({"typ":"JWT","alg":"HS512"})", R"({"typ":"JWT","alg":"RS256"})",
        R"({"alg":"HS256","typ":"JWT"})", R"({"typ":"JWT","alg":"HS256","jku":"https://evil/"})", ""}) {
    EXPECT_FALSE(read_access_token(base64url(header) + "." + body + "." + signature)) << header;
    EXPECT_FALSE(read_access_token(base64url(header) + "." + body + ".")) << header;
  }
  const auto unsigned_token = read_access_token(part(token, 0) + "." + body + ".");
  EXPECT_FALSE(unsigned_token && signature_matches(*unsigned_token, key));
}

TEST(AccessToken, ClaimsMustBeThereAndOfTheirKind) {
  const std::string header = part(make_access_token(claims(), key), 0);
  const std::string good = R"({"aud":"a","iss":"i","iat":1,"nbf":2,"exp":3,"appid":"c","oid":"o","sub":"c","tid":"t"})";
  ASSERT_TRUE(read_access_token(header + "." + base64url(good) + ".AAAA"));
  EXPECT_EQ(read_access_token(header + "." + base64url(good) + ".AAAA")->claims.issued_at, 2U) << "the later one";
  for (const std::string bad :
       {R"({"aud":["a"],"iss":"i","iat":1,"nbf":2,"exp":3,"appid":"c","oid":"o","sub":"c","tid":"t"})",
        R"({"aud":"a","iss":"i","iat":1,"nbf":2,"exp":"3","appid":"c","oid":"o","sub":"c","tid":"t"})",
        R"({"aud":"a","iss":"i","iat":1,"nbf":2,"exp":-3,"appid":"c","oid":"o","sub":"c","tid":"t"})",
        R"({"aud":"a","iss":"i","iat":1,"nbf":2,"exp":1e99,"appid":"c","oid":"o","sub":"c","tid":"t"})",
        R"({"aud":"a","iss":"i","iat":1,"nbf":2,"appid":"c","oid":"o","sub":"c","tid":"t"})", "[]", "null", "{", ""}) {
    EXPECT_FALSE(read_access_token(header + "." + base64url(bad) + ".AAAA")) << bad;
  }
}

TEST(AccessToken, OtherTextsAreNoTokens) {
  const std::string token = make_access_token(claims(), key);
  for (const std::string& text : {std::string(), std::string("."), std::string(".."), std::string("..."),
                                  std::string("abc"), token + ".x", token + "=", token.substr(0, token.rfind('.')),
                                  " " + token, token + std::string(access_token_bytes_max, 'A')}) {
    EXPECT_FALSE(read_access_token(text)) << text.substr(0, 40);
  }
}

TEST(AccessToken, TheSchemeIsReadInAnyCase) {
  EXPECT_EQ(bearer_token("Bearer abc"), "abc");
  EXPECT_EQ(bearer_token("bEARER   abc"), "abc");
  EXPECT_EQ(bearer_token("Bearer "), "");
  EXPECT_FALSE(bearer_token("Bearer"));
  EXPECT_FALSE(bearer_token("Bearers abc"));
  EXPECT_FALSE(bearer_token("SharedAccessSignature sr=x"));
}

TEST(DerivedGuid, IsStableAndOfItsSecretAndName) {
  const std::string guid = derived_guid("secret", "tenant");
  ASSERT_EQ(guid.size(), 36U);
  EXPECT_EQ(guid[14], '8') << "version 8 of RFC 9562";
  EXPECT_EQ(guid, derived_guid("secret", "tenant"));
  EXPECT_NE(guid, derived_guid("secret", "subscription"));
  EXPECT_NE(guid, derived_guid("another", "tenant"));
}

}  // namespace
}  // namespace twinhub::iothub
