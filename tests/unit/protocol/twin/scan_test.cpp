// skip() reads blocks where measure() reads bytes: both must see the same end and the same stamps, wherever braces,
// quotes, escapes and arrays fall in a block.
#include "protocol/twin/scan.hpp"

#include <gmock/gmock.h>
#include <random>
#include <string>

namespace twinhub::twin {
namespace {

class RandomText {
 public:
  explicit RandomText(unsigned seed) : random_(seed) {}

  std::string object(int depth) {
    std::string text = "{";
    const int members = below(5);
    for (int i = 0; i < members; ++i) {
      if (i > 0) text += ',';
      text += string() + ":" + value(depth - 1);
    }
    return text + "}";
  }

 private:
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }

  std::string value(int depth) {
    const int kind = depth > 0 ? below(8) : below(5);
    if (kind == 0) return "12.5e3";
    if (kind == 1) return "true";
    if (kind < 5) return string();
    return kind < 7 ? object(depth) : array(depth);
  }

  std::string array(int depth) {
    std::string text = "[";
    const int elements = below(4);
    for (int i = 0; i < elements; ++i) {
      if (i > 0) text += ',';
      text += value(depth - 1);
    }
    return text + "]";
  }

  /// Everything that could be mistaken for structure, and pieces long enough to fill blocks.
  std::string string() {
    static const std::vector<std::string> pieces{"a", "{",     "}",     "[",         "]",        ":",
                                                 ",", R"(\")", R"(\\)", R"(\u0001)", "\xC3\xA9", std::string(70, 'x')};
    std::string text = "\"";
    // Most strings are plain: blocks without an escape are what is to be tested.
    const int plain = below(4);
    for (int i = below(4); i > 0; --i) {
      const int at = below(static_cast<int>(pieces.size()));
      text += plain > 0 && pieces[static_cast<std::size_t>(at)].starts_with('\\')
                  ? "b"
                  : pieces[static_cast<std::size_t>(at)];
    }
    return text + "\"";
  }

  std::mt19937 random_;
};

TEST(TwinScan, skipping_sees_what_measuring_sees) {
  for (unsigned seed = 0; seed < 4000; ++seed) {
    const std::string object = RandomText(seed).object(6);
    for (const std::string& behind : {std::string(), std::string(",\"next\":{}}"), std::string(200, '}')}) {
      const std::string text = object + behind;
      const Extent skipped = skip(text.data(), text.data() + text.size());
      const Extent measured = measure(text.data());
      ASSERT_EQ(skipped.end - text.data(), static_cast<std::ptrdiff_t>(object.size()))
          << "seed " << seed << ": " << text;
      ASSERT_EQ(measured.end - text.data(), static_cast<std::ptrdiff_t>(object.size()))
          << "seed " << seed << ": " << text;
      ASSERT_EQ(skipped.stamps, measured.stamps) << "seed " << seed << ": " << text;
    }
  }
}

TEST(TwinScan, leaves_and_arrays_are_skipped_as_they_are_measured) {
  for (const std::string_view value : {R"("a\"}b")", "-1.5", "true", R"([1,{"a":[{}]},"]"])"}) {
    const std::string text = std::string(value) + ",\"next\":1}";
    const Extent skipped = skip(text.data(), text.data() + text.size());
    EXPECT_EQ(skipped.end, text.data() + value.size());
    EXPECT_EQ(skipped.stamps, 1U);
  }
}

}  // namespace
}  // namespace twinhub::twin
