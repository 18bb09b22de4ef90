#include "protocol/ids.hpp"

#include <gtest/gtest.h>

namespace twinhub {
namespace {

TEST(TwinEtag, IsBase64OfABigEndianCounter) {
  EXPECT_EQ(twin_etag(1), "AAAAAAAAAAE=");
  EXPECT_EQ(twin_etag(2), "AAAAAAAAAAI=");
  EXPECT_EQ(twin_etag(7), "AAAAAAAAAAc=");
  EXPECT_EQ(twin_etag(0x0102030405060708), "AQIDBAUGBwg=");
}

TEST(IdentityEtag, IsBase64OfDecimalDigits) { EXPECT_EQ(identity_etag(580089003), "NTgwMDg5MDAz"); }

TEST(Timestamp, ZeroIsTheNullDate) { EXPECT_EQ(to_iso8601({}), "0001-01-01T00:00:00Z"); }

TEST(Timestamp, CarriesSevenFractionalDigitsAndTrimsZeros) {
  EXPECT_EQ(to_iso8601(timestamp_from_unix(1'795'585'200, 123'456'700)), "2026-11-25T05:40:00.1234567Z");
  EXPECT_EQ(to_iso8601(timestamp_from_unix(1'795'585'200, 736'671'000)), "2026-11-25T05:40:00.736671Z");
  EXPECT_EQ(to_iso8601(timestamp_from_unix(951'782'400)), "2000-02-29T00:00:00Z");
  EXPECT_EQ(to_iso8601(timestamp_from_unix(0)), "1970-01-01T00:00:00Z");
}

TEST(Timestamp, TrackingIdsWriteItTheAmericanWay) {
  EXPECT_EQ(to_tracking_time(timestamp_from_unix(1'698'164'176)), "10/24/2023 16:16:16");
}

TEST(DeviceId, TakesIoTHubsAlphabetUpTo128Characters) {
  EXPECT_TRUE(is_valid_id("aZ09-:.+%_#*?!(),=@;$'"));
  EXPECT_TRUE(is_valid_id(std::string(128, 'a')));
  for (const std::string& wrong : {std::string(), std::string(129, 'a'), std::string("a/b"), std::string("a b"),
                                   std::string("\xC3\xA9"), std::string("a\0b", 3), std::string("a\"")}) {
    EXPECT_FALSE(is_valid_id(wrong)) << wrong;
  }
}

TEST(IfMatch, StarIsAStarQuotedOrNot) {
  for (const char* text : {"*", "\"*\"", " \"*\" "}) {
    const IfMatch match = parse_if_match(text);
    EXPECT_TRUE(match.present && match.any) << text;
    EXPECT_TRUE(match.allows("anything"));
  }
}

TEST(IfMatch, ComparesQuotedAndUnquotedEtagsAlike) {
  EXPECT_TRUE(parse_if_match("\"AAAAAAAAAAE=\"").allows("AAAAAAAAAAE="));
  EXPECT_TRUE(parse_if_match("AAAAAAAAAAE=").allows("AAAAAAAAAAE="));
  EXPECT_FALSE(parse_if_match("\"abc\"").allows("AAAAAAAAAAE="));
  EXPECT_TRUE(parse_if_match(std::nullopt).allows("AAAAAAAAAAE="));
}

TEST(IfMatch, AnEmptyEtagIsNoHeader) {
  for (const std::string text : {"", "\"\"", " \"\" ", "  "}) {
    EXPECT_FALSE(parse_if_match(text).wants_existing()) << text;
    EXPECT_FALSE(parse_if_match(text).present) << text;
    EXPECT_TRUE(parse_if_match(text).allows("AAAAAAAAAAE=")) << text;
  }
  EXPECT_FALSE(parse_if_match(std::nullopt).wants_existing());
  EXPECT_TRUE(parse_if_match("*").wants_existing());
  EXPECT_TRUE(parse_if_match("\"x\"").wants_existing());
}

TEST(Base64, GoesThereAndBack) {
  for (const std::string& bytes :
       {std::string(), std::string("f"), std::string("fo"), std::string("foo"), std::string("\0\xFF\x10", 3)}) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
}

TEST(Base64, RefusesWhatIsNotExactlyBase64) {
  for (const char* wrong : {"A", "AB", "ABC", "AB=C", "====", "AAA A", "AA==\n", "A===", "AB*D"}) {
    EXPECT_FALSE(base64_decode(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace twinhub
