#include "protocol/iothub/sas_token.hpp"

#include "protocol/iothub/connection_string.hpp"

#include <gtest/gtest.h>

namespace twinhub::iothub {
namespace {

constexpr const char* key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";  // 0123456789abcdef twice

TEST(SasToken, SignsTheResourceExactlyAsItStands) {
  EXPECT_EQ(sign("hub.local%2Fdevices%2Fdev1", "1900000000", key), "sVu3LU2VqQxJo44xUIopJjhIr2goIehgMldsaI6dH3I=");
  EXPECT_EQ(sign("hub.local%2fdevices%2fdev1", "1900000000", key), "DQi1OxwaI+YwWvFVPnRaSxgmroTCSXXeCJQuL7R+Sb4=");
  EXPECT_EQ(sign("hub.local/devices/dev1", "1900000000", key), "SZPgnxqGo1QEUUd9sd9WqPs9byE6AH5u2zSVUM36Y5w=");
}

TEST(SasToken, FieldsStandInAnyOrderAndSpelling) {
  for (const char* text : {
           "SharedAccessSignature sr=h%2Fdevices%2Fd&sig=abc%3D&se=1900000000",
           "SharedAccessSignature sig=abc%3d&se=1900000000&sr=h%2Fdevices%2Fd",
           "sharedaccesssignature se=1900000000&sr=h%2Fdevices%2Fd&skn=&sig=abc%3D",
           "SharedAccessSignature  SR=h%2Fdevices%2Fd&SIG=abc%3D&SE=1900000000  ",
       }) {
    const auto token = parse_sas_token(text);
    ASSERT_TRUE(token) << text;
    EXPECT_EQ(token->resource, "h%2Fdevices%2Fd");
    EXPECT_EQ(token->signature, "abc=");
    EXPECT_EQ(token->expires_at, 1'900'000'000U);
    EXPECT_EQ(token->policy, "");
  }
}

TEST(SasToken, WhatIsNoTokenIsRefused) {
  for (const char* text :
       {"", "SharedAccessSignature", "SharedAccessSignature ", "Bearer x", "SharedAccessSignature sr=h&se=1",
        "SharedAccessSignature sr=h&sig=x", "SharedAccessSignature sig=x&se=1", "SharedAccessSignature sr=h&sig=x&se=",
        "SharedAccessSignature sr=h&sig=x&se=soon", "SharedAccessSignature sr=h&sig=x&se=-1",
        "SharedAccessSignature sr=h&sig=x &se=1", "SharedAccessSignaturesr=h&sig=x&se=1"}) {
    EXPECT_FALSE(parse_sas_token(text)) << text;
  }
}

TEST(SasToken, ExpiryMayBeFractionalOrAbsurdlyLarge) {
  EXPECT_EQ(parse_sas_token("SharedAccessSignature sr=h&sig=x&se=1900000000.75")->expires_at, 1'900'000'000U);
  EXPECT_EQ(parse_sas_token("SharedAccessSignature sr=h&sig=x&se=18446744073709551615")->expires_at, UINT64_MAX);
  EXPECT_EQ(parse_sas_token("SharedAccessSignature sr=h&sig=x&se=99999999999999999999999")->expires_at, UINT64_MAX);
}

TEST(SasToken, FiveMinutesOfClockSkewAreForgiven) {
  const auto token = *parse_sas_token("SharedAccessSignature sr=h&sig=x&se=1000000");
  EXPECT_FALSE(is_expired(token, timestamp_from_unix(1'000'000)));
  EXPECT_FALSE(is_expired(token, timestamp_from_unix(1'000'300)));
  EXPECT_TRUE(is_expired(token, timestamp_from_unix(1'000'301)));
}

TEST(SasToken, MatchesOnlyItsOwnKey) {
  const auto token = parse_sas_token(make_sas_token("hub.local/devices/dev1", key, 1'900'000'000, "iothubowner"));
  ASSERT_TRUE(token);
  EXPECT_EQ(token->policy, "iothubowner");
  EXPECT_TRUE(signature_matches(*token, key));
  EXPECT_FALSE(signature_matches(*token, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWU="));
  EXPECT_FALSE(signature_matches(*token, ""));
  EXPECT_FALSE(signature_matches(*token, "not base64!"));
  SasToken forged = *token;
  forged.signature.clear();
  EXPECT_FALSE(signature_matches(forged, key));
  forged = *token;
  forged.expiry = "1900000001";
  EXPECT_FALSE(signature_matches(forged, key));
}

TEST(SasScope, SplitsTheDecodedResource) {
  const auto scope = scope_of("hub.local%2Fdevices%2fdev1%2Fmodules%2Fm");
  EXPECT_EQ(scope.host, "hub.local");
  EXPECT_EQ(scope.path, (std::vector<std::string>{"devices", "dev1", "modules", "m"}));
  EXPECT_EQ(scope_of("hub.local").path.size(), 0U);
  EXPECT_EQ(scope_of("h:8883/devices/d").host, "h:8883");
}

TEST(ConnectionString, GoesThereAndBack) {
  for (const char* text :
       {"HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey=a+b/c==",
        "HostName=h;DeviceId=d;SharedAccessKey=k=", "HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=k="}) {
    const auto parts = parse_connection_string(text);
    ASSERT_TRUE(parts) << text;
    EXPECT_EQ(to_string(*parts), text);
  }
  for (const char* wrong : {"", "HostName=h", "SharedAccessKey=k", "HostName=h;nonsense;SharedAccessKey=k"}) {
    EXPECT_FALSE(parse_connection_string(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace twinhub::iothub
