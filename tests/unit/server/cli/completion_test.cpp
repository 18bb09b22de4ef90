#include "server/cli/completion.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace twinhub::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// root -> device -> create ID --auth {sas,ca} --key TEXT --file FILE --json; root -> run
class CliCompletion : public testing::Test {
 protected:
  CliCompletion() {
    CLI::App& device = *root_.add_subcommand("device", "Device identities");
    CLI::App& create = *device.add_subcommand("create", "Make one: it's new");
    create.add_option("id", text_, "Device id")->required();
    create.add_option("--auth", text_, "How it proves itself")->check(CLI::IsMember({"sas", "ca"}));
    create.add_option("--key", text_, "A key");
    create.add_option("--file", text_, "A file")->check(CLI::ExistingFile);
    create.add_flag("--json", flag_, "For programs");
    root_.add_subcommand("run", "Run it");
  }

  [[nodiscard]] std::vector<CommandNode> nodes() const { return command_nodes(root_); }
  [[nodiscard]] CommandNode node(const std::string& path) const {
    for (CommandNode& node : nodes()) {
      if (node.path == path) return node;
    }
    ADD_FAILURE() << "no node " << path;
    return {};
  }

  CLI::App root_{"help", "twinhub"};
  std::string text_;
  bool flag_ = false;
};

TEST_F(CliCompletion, ANodeStandsForEachSubCommandAParentBeforeItsChildren) {
  std::vector<std::string> paths;
  for (const CommandNode& node : nodes()) paths.push_back(node.path);
  EXPECT_THAT(paths, ElementsAre("twinhub", "twinhub device", "twinhub device create", "twinhub run"));
  const CommandNode device = node("twinhub device");
  ASSERT_EQ(device.children.size(), 1U);
  EXPECT_EQ(device.children.front().name, "create");
  EXPECT_EQ(device.children.front().help, "Make one: it's new");
}

TEST_F(CliCompletion, AnOptionKnowsWhatStandsBehindIt) {
  const CommandNode create = node("twinhub device create");
  const auto operand = [&](const std::string& name) {
    for (const auto& option : create.options) {
      if (option.name == name) return option.operand;
    }
    ADD_FAILURE() << "no option " << name;
    return Operand{};
  };
  EXPECT_EQ(operand("--json").kind, Operand::Kind::none);
  EXPECT_EQ(operand("--help").kind, Operand::Kind::none);
  EXPECT_EQ(operand("--key").kind, Operand::Kind::text);
  EXPECT_EQ(operand("--file").kind, Operand::Kind::file);
  EXPECT_EQ(operand("--auth").kind, Operand::Kind::choice);
  EXPECT_THAT(operand("--auth").choices, testing::UnorderedElementsAre("sas", "ca"));
  EXPECT_THAT(operand("--key").choices, IsEmpty());
  ASSERT_EQ(create.positionals.size(), 1U);
  EXPECT_EQ(create.positionals.front().kind, Operand::Kind::text);
}

TEST_F(CliCompletion, EachShellIsGivenEachSubCommandAndOption) {
  for (const std::string& script : {bash_completion(nodes()), zsh_completion(nodes()), fish_completion(nodes())}) {
    for (const char* word : {"device", "create", "run", "sas"}) EXPECT_THAT(script, HasSubstr(word));
  }
  for (const char* flag : {"--auth", "--key", "--file", "--json"}) {
    EXPECT_THAT(bash_completion(nodes()), HasSubstr(flag));
    EXPECT_THAT(zsh_completion(nodes()), HasSubstr(flag));
    EXPECT_THAT(fish_completion(nodes()), HasSubstr(" -l " + std::string(flag).substr(2)));
  }
}

TEST_F(CliCompletion, AQuoteInAHelpTextDoesNotEndTheShellsOwn) {
  EXPECT_THAT(fish_completion(nodes()), HasSubstr(R"('Make one: it'\''s new')"));
  EXPECT_THAT(zsh_completion(nodes()), Not(HasSubstr("one: it")));  // a colon would end the name in zsh
}

}  // namespace
}  // namespace twinhub::cli
