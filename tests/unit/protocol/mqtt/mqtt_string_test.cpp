#include "protocol/mqtt/mqtt_string.hpp"

#include "protocol/utf8.hpp"

#include <gtest/gtest.h>
#include <cstdint>
#include <random>
#include <string>

namespace twinhub::mqtt {
namespace {

const std::string lost = "\uFFFD";

std::string encoded(std::uint32_t point) {
  std::string text;
  append_utf8(text, point);
  return text;
}

TEST(SafeStrings, TextStaysAsItIs) {
  for (const std::string text : {"", "plain", "a b/c+d#$%&=?", "é漢\U0001F600", "\uFFFD", "\u00A0"}) {
    EXPECT_TRUE(is_safe_string(text)) << text;
    EXPECT_EQ(safe_string(text), text);
  }
}

TEST(SafeStrings, ControlCharactersAndNonCharactersAreReplaced) {
  const auto is_lost = [](std::uint32_t point) {
    EXPECT_FALSE(is_safe_string("a" + encoded(point) + "b")) << point;
    EXPECT_EQ(safe_string("a" + encoded(point) + "b"), "a" + lost + "b") << point;
  };
  for (std::uint32_t point = 0; point <= 0x1F; ++point) is_lost(point);
  for (std::uint32_t point = 0x7F; point <= 0x9F; ++point) is_lost(point);
  for (std::uint32_t point = 0xFDD0; point <= 0xFDEF; ++point) is_lost(point);
  for (std::uint32_t plane = 0; plane <= 0x10; ++plane) {
    is_lost(plane << 16 | 0xFFFE);
    is_lost(plane << 16 | 0xFFFF);
  }
  for (const std::uint32_t point : {0x20U, 0x7EU, 0xA0U, 0xFDCFU, 0xFDF0U, 0xFFFDU, 0x10000U, 0x10FFFDU})
    EXPECT_EQ(safe_string(encoded(point)), encoded(point)) << point;
}

TEST(SafeStrings, BytesThatAreNoCharacterAreReplacedOneByOne) {
  EXPECT_EQ(safe_string("a\xFFz"), "a" + lost + "z");
  EXPECT_EQ(safe_string("\x80\x80"), lost + lost);
  EXPECT_EQ(safe_string("\xC0\xAF"), lost + lost) << "overlong";
  EXPECT_EQ(safe_string("\xED\xA0\x80"), lost + lost + lost) << "a surrogate";
  EXPECT_EQ(safe_string("\xF4\x90\x80\x80"), lost + lost + lost + lost) << "beyond U+10FFFF";
  EXPECT_EQ(safe_string("a\xE6\xBC"), "a" + lost + lost) << "cut";
}

TEST(SafeStrings, EndBehindTheLastCharacterThatFits) {
  EXPECT_EQ(safe_string(std::string(string_bytes_max + 1, 'x')), std::string(string_bytes_max, 'x'));
  EXPECT_EQ(safe_string(std::string(string_bytes_max - 1, 'x') + "é").size(), string_bytes_max - 1);
  EXPECT_EQ(safe_string(std::string(string_bytes_max, '\x01')).size(), string_bytes_max);
  EXPECT_TRUE(is_safe_string(safe_string(std::string(string_bytes_max, '\x01'))));
  EXPECT_FALSE(is_safe_string(std::string(string_bytes_max + 1, 'x')));
}

TEST(SafeTopicLevels, AddNoLevelAndNoWildcard) {
  EXPECT_EQ(safe_topic_level("../forged"), "..%2Fforged");
  EXPECT_EQ(safe_topic_level("a+b#c$SYS%2F"), "a%2Bb%23c%24SYS%252F");
  EXPECT_EQ(safe_topic_level("x\x01\u0080\xFF"), "x%01%C2%80%FF");
  EXPECT_EQ(safe_topic_level(""), "");
  EXPECT_EQ(safe_topic_level(std::string(30'000, '/')).size(), string_bytes_max / 3 * 3);
}

TEST(SafeStrings, OfAnyBytesAreSafe) {
  std::mt19937 random(314);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    for (auto left = random() % 40; left > 0; --left) {
      if (random() % 2 == 0) {
        bytes.push_back(static_cast<char>(random()));
      } else {
        const auto point = static_cast<std::uint32_t>(random() % 0x110000);
        if (point < 0xD800 || point > 0xDFFF) append_utf8(bytes, point);
      }
    }
    const std::string safe = safe_string(bytes), level = safe_topic_level(bytes);
    ASSERT_TRUE(is_safe_string(safe));
    ASSERT_TRUE(is_safe_string(level));
    ASSERT_EQ(level.find_first_of("/+#$"), std::string::npos);
    ASSERT_EQ(safe == bytes, is_safe_string(bytes));
  }
}

}  // namespace
}  // namespace twinhub::mqtt
