#include "server/net/expiry_warnings.hpp"

#include <gtest/gtest.h>

namespace twinhub::net {
namespace {

constexpr std::int64_t day = 24 * 3600;
constexpr std::int64_t end = 1'800'000'000;

class Warnings : public testing::Test {
 protected:
  std::vector<std::string> look(std::int64_t days_left, std::int64_t ends_at = end) {
    const std::vector<CertificateEnd> ends{{"server", "CN=hub", ends_at}};
    std::vector<std::string> words;
    for (const auto& warning : warnings_.look(ends, ends_at - days_left * day)) words.push_back(warning.words);
    return words;
  }
  ExpiryWarnings warnings_;
};

TEST_F(Warnings, ComeAt30And7And1DaysAndAtTheEndEachOnce) {
  std::vector<std::int64_t> warned;
  for (std::int64_t left = 40; left >= -3; --left) {
    for (int looks = 0; looks < 3; ++looks) {
      if (!look(left).empty()) warned.push_back(left);
    }
  }
  EXPECT_EQ(warned, (std::vector<std::int64_t>{30, 7, 1, 0}));
}

TEST_F(Warnings, AHubThatStartsLateSaysItOnce) {
  EXPECT_EQ(look(5),
            (std::vector<std::string>{"the server's certificate (CN=hub) ends in 5 days, on 2027-01-15 08:00 UTC"}));
  EXPECT_TRUE(look(5).empty());
  EXPECT_EQ(look(-1),
            (std::vector<std::string>{"the server's certificate (CN=hub) has ended, on 2027-01-15 08:00 UTC"}));
}

TEST_F(Warnings, ANewCertificateIsWarnedOfByItself) {
  EXPECT_EQ(look(20).size(), 1U);
  EXPECT_TRUE(look(800, end + 1000 * day).empty());
  EXPECT_EQ(look(20, end + 1000 * day).size(), 1U);
}

TEST_F(Warnings, TheLastOneIsAnError) {
  const std::vector<CertificateEnd> ends{{"ca", "CN=ca", end}};
  EXPECT_FALSE(warnings_.look(ends, end - day).front().is_over);
  EXPECT_TRUE(warnings_.look(ends, end).front().is_over);
}

}  // namespace
}  // namespace twinhub::net
