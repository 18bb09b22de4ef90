// Any bytes, for each place of HTTP that foreign text comes to.
#include "server/net/http_text.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <random>

namespace twinhub::net {
namespace {

TEST(HttpText, AHeadersValueStaysInItsLine) {
  EXPECT_EQ(header_value("Bearer a\r\nHost: b"), "Bearer a??Host: b");
  EXPECT_EQ(header_value(std::string_view("  a\0b\x7F\tc ", 9)), "a?b??c");
  EXPECT_EQ(header_value("f\u00FCr"), "f\u00FCr");
  EXPECT_EQ(header_value("   "), "");
  EXPECT_EQ(header_value(""), "");
}

TEST(HttpText, AHeadersNameIsAToken) {
  EXPECT_EQ(header_name("iothub-app-a b:c\r\n%"), "iothub-app-a%20b%3Ac%0D%0A%");
  EXPECT_EQ(header_name("f\u00FCr"), "f%C3%BCr");
}

TEST(HttpText, ARequestsTargetIsOneWord) {
  EXPECT_EQ(request_target("/a?b=%20&c=1"), "/a?b=%20&c=1");
  EXPECT_EQ(request_target("/a HTTP/1.1\r\nHost: b\u00FC\x7F"), "/a%20HTTP/1.1%0D%0AHost:%20b%C3%BC%7F");
}

TEST(HttpText, OfAnyBytesIsSafe) {
  std::mt19937 random(4);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    for (auto left = random() % 40; left > 0; --left)
      bytes += static_cast<char>(random() % 3 ? random() % 0x30 : random());
    const std::string value = header_value(bytes), name = header_name(bytes), target = request_target(bytes);
    ASSERT_TRUE(std::all_of(value.begin(), value.end(),
                            [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; }));
    ASSERT_TRUE(value.empty() || (value.front() != ' ' && value.back() != ' '));
    ASSERT_TRUE(std::all_of(name.begin(), name.end(), is_token_character));
    ASSERT_TRUE(std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7F; }));
  }
}

}  // namespace
}  // namespace twinhub::net
