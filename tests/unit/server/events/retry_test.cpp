// When to try again.
#include "server/events/backoff.hpp"

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

}  // namespace
}  // namespace twinhub::events
