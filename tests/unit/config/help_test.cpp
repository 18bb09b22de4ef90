// The help of settings is what an operator goes by: one sentence, with the range that assign() keeps to.
#include "config/settings.hpp"

#include <gtest/gtest.h>
#include <regex>
#include <string>

namespace twinhub::config {
namespace {

bool takes(const SettingInfo& info, const std::string& text) {
  Settings settings;
  try {
    info.assign(settings, text);
  } catch (const SettingsError&) {
    return false;
  }
  return true;
}

bool is_number(const SettingInfo& info) { return takes(info, "1") && !takes(info, "yes") && !takes(info, "x"); }

TEST(SettingHelp, NamesTheRangeThatTheSettingTakes) {
  std::size_t ranges = 0;
  for (const SettingInfo& info : all_settings()) {
    SCOPED_TRACE(info.key);
    const std::string help(info.help);
    std::smatch range;
    if (!std::regex_search(help, range, std::regex("\\b([0-9]+)-([0-9]+)\\b"))) {
      EXPECT_TRUE(!is_number(info) || info.key.ends_with("_port")) << "a number without a range: " << help;
      continue;
    }
    ++ranges;
    const auto first = std::stoull(range[1]), last = std::stoull(range[2]);
    EXPECT_TRUE(takes(info, std::to_string(first)));
    EXPECT_TRUE(takes(info, std::to_string(last)));
    EXPECT_FALSE(takes(info, std::to_string(last + 1)));
    if (first > 0) {
      EXPECT_FALSE(takes(info, std::to_string(first - 1)));
    }
  }
  EXPECT_GT(ranges, 30U);
}

TEST(SettingHelp, IsOneSentenceWithoutAFullStop) {
  for (const SettingInfo& info : all_settings()) {
    EXPECT_FALSE(info.help.empty()) << info.key;
    EXPECT_FALSE(info.help.ends_with('.')) << info.key;
    EXPECT_EQ(info.help.find(". "), std::string_view::npos) << info.key;
  }
}

}  // namespace
}  // namespace twinhub::config
