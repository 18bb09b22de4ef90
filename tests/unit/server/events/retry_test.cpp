// When to try again.
#include "server/events/backoff.hpp"
#include "server/events/http_client.hpp"

#include <gtest/gtest.h>

namespace twinhub::events {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Chance final : public hub::Random {
 public:
  explicit Chance(char byte) : byte_(byte) {}
  std::string bytes(std::size_t count) override { return std::string(count, byte_); }

 private:
  char byte_;
};

TEST(Backoff, PausesDoubleUpToTheLongestAndBeginAgainAfterASuccess) {
  Chance most('\xFF'), least('\0');
  Backoff longest(most, seconds(1)), shortest(least, seconds(1));
  for (const int expected : {100, 200, 400, 800, 1000, 1000}) {
    EXPECT_EQ(longest.next(), milliseconds(expected));
    EXPECT_EQ(shortest.next(), milliseconds(expected / 2));
  }
  longest.reset();
  EXPECT_EQ(longest.next(), milliseconds(100));
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("120", 0), seconds(120));
  EXPECT_EQ(parse_retry_after("0", 0), seconds(0));
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 1970 00:01:30 GMT", 30), seconds(60));
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 1970 00:00:00 GMT", 30), seconds(0));
  for (const char* wrong : {"", "-1", "soon", "1.5", "99999999999999", "Thu, 01 Jan"})
    EXPECT_EQ(parse_retry_after(wrong, 0), std::nullopt) << wrong;
}

TEST(HttpClient, AUrlThatIsNoneIsRefused) {
  for (const char* wrong :
       {"http://", "https:///x", "http://a:/x", "http://user:pass@host/", "http://a b/", "http://a/\n"})
    EXPECT_FALSE(HttpClient::make({.url = wrong, .ca = "", .certificate = "", .private_key = "", .headers = {}}))
        << wrong;
  for (const char* right : {"http://a", "https://a:1/x?y=z", "http://[::1]:80/x", "http://127.0.0.1?x"})
    EXPECT_TRUE(HttpClient::make({.url = right, .ca = "", .certificate = "", .private_key = "", .headers = {}}))
        << right;
}

}  // namespace
}  // namespace twinhub::events
