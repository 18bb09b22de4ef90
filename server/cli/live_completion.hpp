// What a shell's completion asks the program itself while a command is typed: names that the hub knows.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::cli {

/// The word that the completion scripts call the program with, before the words that were typed.
inline constexpr std::string_view completion_verb = "__complete";

/// The type names (CLI::Option::type_name) of options and arguments that name what a hub knows.
inline constexpr std::string_view live_nouns[] = {"DEVICE",      "MODULE",  "JOB",   "CONFIGURATION",
                                                  "CERTIFICATE", "CONTEXT", "POLICY"};
[[nodiscard]] bool is_live_noun(std::string_view type_name);

/// What is being typed.
struct TypedOperand {
  std::string noun;                    ///< of live_nouns
  std::vector<std::string> arguments;  ///< the command's arguments before it, without options
};
/// What the last of `words` stands for in the tree under `root`; nullopt where it names nothing that a hub knows.
[[nodiscard]] std::optional<TypedOperand> typed_operand(const CLI::App& root, std::span<const std::string> words);

/// Prints the names that the last of `words` may become, one a line, asking the hub that the other words name. Prints
/// nothing when there is none, it does not answer within two seconds, or anything else is wrong. Returns exit_ok.
[[nodiscard]] int complete_words(const CLI::App& root, std::span<const std::string> words);

}  // namespace twinhub::cli
