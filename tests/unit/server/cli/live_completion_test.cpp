#include "server/cli/live_completion.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace twinhub::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// root -> twin -> show DEVICE TEXT --module MODULE --key TEXT --json
class CliLiveCompletion : public testing::Test {
 protected:
  CliLiveCompletion() {
    CLI::App& show = *root_.add_subcommand("twin", "")->add_subcommand("show", "");
    show.add_option("id", text_)->type_name("DEVICE");
    show.add_option("body", text_);
    show.add_option("--module", text_)->type_name("MODULE");
    show.add_option("--key", text_);
    show.add_flag("--json", flag_);
  }
  [[nodiscard]] std::optional<TypedOperand> typed(std::vector<std::string> words) const {
    return typed_operand(root_, words);
  }

  CLI::App root_{"", "twinhub"};
  std::string text_;
  bool flag_ = false;
};

TEST_F(CliLiveCompletion, AnArgumentIsCountedPastOptionsAndTheirValues) {
  const std::vector<std::vector<std::string>> lines = {{"twin", "show", ""},
                                                       {"twin", "show", "--json", "d"},
                                                       {"twin", "show", "--key", "k", "d"},
                                                       {"twin", "show", "--key=k", "d"}};
  for (const auto& words : lines) {
    const auto operand = typed(words);
    ASSERT_TRUE(operand) << words.back();
    EXPECT_EQ(operand->noun, "DEVICE");
    EXPECT_THAT(operand->arguments, IsEmpty());
  }
  EXPECT_FALSE(typed({"twin", "show", "d1", ""}));
  EXPECT_FALSE(typed({"twin", "show", "d1", "text", ""}));
  EXPECT_FALSE(typed({"twin", "show", "--key", ""}));
}

TEST_F(CliLiveCompletion, AnOptionsValueKnowsTheArgumentsBeforeIt) {
  const auto operand = typed({"twin", "show", "d1", "--module", "m"});
  ASSERT_TRUE(operand);
  EXPECT_EQ(operand->noun, "MODULE");
  EXPECT_THAT(operand->arguments, ElementsAre("d1"));
}

TEST_F(CliLiveCompletion, NothingIsAskedForAnOptionOrACommand) {
  EXPECT_FALSE(typed({}));
  EXPECT_FALSE(typed({""}));
  EXPECT_FALSE(typed({"twin", ""}));
  EXPECT_FALSE(typed({"twin", "show", "--mo"}));
  EXPECT_FALSE(typed({"no", "such", ""}));
}

}  // namespace
}  // namespace twinhub::cli
