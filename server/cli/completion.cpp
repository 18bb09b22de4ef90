#include "server/cli/completion.hpp"

#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/live_completion.hpp"

#include <algorithm>
#include <iostream>
#include <string_view>

namespace twinhub::cli {
namespace {

/// "TEXT:{sas,ca}" has choices, "FILE", "TEXT:FILE" and "FOLDER" name one, "DEVICE" is a hub's, nothing at all is a flag.
Operand operand_of(const CLI::Option& option) {
  Operand operand;
  if (option.get_items_expected_max() == 0) return operand;
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{'), close = type.find('}');
  const bool names_file = type.find("FILE") != std::string::npos || type.find("FOLDER") != std::string::npos;
  operand.kind = names_file ? Operand::Kind::file : is_live_noun(type) ? Operand::Kind::live : Operand::Kind::text;
  if (open == std::string::npos || close == std::string::npos) return operand;
  operand.kind = Operand::Kind::choice;
  std::string_view list = std::string_view(type).substr(open + 1, close - open - 1);
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    operand.choices.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return operand;
}

void add_node(std::vector<CommandNode>& nodes, const CLI::App& app, const std::string& path) {
  CommandNode node;
  node.path = path;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // taken, but not shown
    const Operand operand = operand_of(*option);
    if (option->get_positional()) node.positionals.push_back(operand);
    for (const std::string& name : option->get_lnames())
      node.options.push_back({"--" + name, option->get_description(), operand});
  }
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* child : children) node.children.push_back({child->get_name(), child->get_description()});
  nodes.push_back(std::move(node));
  for (const CLI::App* child : children) add_node(nodes, *child, path + " " + child->get_name());
}

/// For single quotes of a shell: ' becomes '\''.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return out + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// The first sentence of a help text, without what a shell's description must not hold.
std::string summary(std::string text) {
  for (char& c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\n') c = ' ';
  }
  return text;
}

bool has_live(const CommandNode& node) {
  return std::any_of(node.positionals.begin(), node.positionals.end(),
                     [](const Operand& operand) { return operand.kind == Operand::Kind::live; });
}

// Each shell's function that asks the program for names. It is called by the name that was typed, where that leads to one.

/// The words are cut from the line, for bash cuts its own at : and = as well, which ids may hold. Every candidate is quoted:
/// ids may hold $ and (. A word that begins with a quote is not completed.
constexpr std::string_view bash_live = R"sh(_twinhub_live() {
  local line=${COMP_LINE:0:COMP_POINT} words i id skip
  local typed=${line##*[[:space:]]}
  [[ $typed == [\"\']* ]] && return
  read -ra words <<< "$line"
  [[ $typed ]] || words+=('')
  for i in "${!words[@]}"; do
    words[i]=${words[i]#[\"\']}
    words[i]=${words[i]%[\"\']}
  done
  local program=${words[0]/#\~\//$HOME/}
  type -P -- "$program" > /dev/null || program=twinhub
  skip=${typed%"${COMP_WORDS[COMP_CWORD]}"}
  while IFS= read -r id; do
    printf -v id %q "$id"
    COMPREPLY+=("${id#"$skip"}")
  done < <("$program" __complete "${words[@]:1}" 2> /dev/null)
}
)sh";

constexpr std::string_view zsh_live = R"sh(_twinhub_live() {
  local program=${(Q)words[1]/#\~\//$HOME/}
  (( $+commands[$program] )) || [[ -x $program ]] || program=twinhub
  local -a names
  names=("${(@f)$("$program" __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2> /dev/null)}")
  [[ -n $names[1] ]] && compadd -- "${names[@]}"
}
)sh";

constexpr std::string_view fish_live = R"sh(function __twinhub_live
  set -l words (commandline -opc)
  set -l program (string replace -r '^~/' $HOME/ -- $words[1])
  type -q -- $program; or set program twinhub
  type -q -- $program; or return
  $program __complete $words[2..-1] (commandline -ct | string unescape) 2> /dev/null
end
)sh";

/// Of bash and zsh: finds in $place how far the words before the cursor go into the tree.
std::string walk(const std::vector<CommandNode>& nodes, std::string_view words, std::string_view first,
                 std::string_view end) {
  std::string paths;
  for (const CommandNode& node : nodes) {
    if (node.path.find(' ') != std::string::npos) paths += (paths.empty() ? "" : "|") + shell_quoted(node.path);
  }
  std::string out = "  local place=twinhub i\n";
  out.append("  for ((i = ").append(first).append("; i < ").append(end).append("; i++)); do\n");
  out.append("    case \"$place ${").append(words).append("[i]}\" in\n");
  out.append("      ").append(paths).append(") place+=\" ${").append(words).append("[i]}\" ;;\n");
  return out + "    esac\n  done\n";
}

}  // namespace

std::vector<CommandNode> command_nodes(const CLI::App& root) {
  std::vector<CommandNode> nodes;
  add_node(nodes, root, root.get_name());
  return nodes;
}

std::string bash_completion(const std::vector<CommandNode>& nodes) {
  std::string out =
      "# Completion of twinhub for bash: source <(twinhub completion bash), or put it into\n"
      "# ~/.local/share/bash-completion/completions/twinhub\n" +
      std::string(bash_live) +
      "_twinhub() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n";
  out += walk(nodes, "COMP_WORDS", "1", "COMP_CWORD");
  out += "  local operand=\n  case \"$place $prev\" in\n";
  for (const CommandNode& node : nodes) {
    for (const auto& [name, help, operand] : node.options) {
      if (operand.kind == Operand::Kind::none) continue;
      out.append("    ").append(shell_quoted(node.path + " " + name)).append(") ");
      if (operand.kind == Operand::Kind::choice)
        out.append("COMPREPLY=($(compgen -W ").append(shell_quoted(joined(operand.choices))).append(" -- \"$cur\")); ");
      if (operand.kind == Operand::Kind::file)
        out += "COMPREPLY=($(compgen -f -- \"$cur\")); compopt -o filenames 2>/dev/null; ";
      if (operand.kind == Operand::Kind::live) out += "_twinhub_live; ";
      out += "return ;;\n";
    }
  }
  out += "  esac\n  local words= files= live=\n  case \"$place\" in\n";
  for (const CommandNode& node : nodes) {
    std::string words, flags;
    for (const auto& child : node.children) words += child.name + " ";
    bool files = false;
    for (const Operand& operand : node.positionals) {
      words += joined(operand.choices) + (operand.choices.empty() ? "" : " ");
      files = files || operand.kind == Operand::Kind::file;
    }
    for (const auto& option : node.options) flags += option.name + " ";
    out.append("    ").append(shell_quoted(node.path)).append(") words=").append(shell_quoted(words));
    if (files) out += " files=1";
    if (has_live(node)) out += " live=1";
    out.append("; [[ $cur == -* ]] && words=").append(shell_quoted(flags)).append(" files= live= ;;\n");
  }
  out +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
      "  if [[ $files ]]; then COMPREPLY+=($(compgen -f -- \"$cur\")); compopt -o filenames 2>/dev/null; fi\n"
      "  if [[ $live ]]; then _twinhub_live; fi\n"
      "}\n"
      "complete -F _twinhub twinhub\n";
  return out;
}

std::string zsh_completion(const std::vector<CommandNode>& nodes) {
  std::string out =
      "#compdef twinhub\n"
      "# Completion of twinhub for zsh: source <(twinhub completion zsh) behind compinit, or put it as _twinhub into "
      "a\n"
      "# folder of $fpath.\n" +
      std::string(zsh_live) +
      "_twinhub() {\n"
      "  local cur=${words[CURRENT]} prev=${words[CURRENT-1]}\n";
  out += walk(nodes, "words", "2", "CURRENT");
  out += "  case \"$place $prev\" in\n";
  for (const CommandNode& node : nodes) {
    for (const auto& [name, help, operand] : node.options) {
      if (operand.kind == Operand::Kind::none) continue;
      out.append("    ").append(shell_quoted(node.path + " " + name)).append(") ");
      if (operand.kind == Operand::Kind::choice) out.append("compadd -- ").append(joined(operand.choices)).append("; ");
      if (operand.kind == Operand::Kind::file) out += "_files; ";
      if (operand.kind == Operand::Kind::live) out += "_twinhub_live; ";
      out += "return ;;\n";
    }
  }
  out += "  esac\n  local -a children=() options=()\n  local files= live=\n  case \"$place\" in\n";
  for (const CommandNode& node : nodes) {
    std::string children, options;
    bool files = false;
    for (const auto& child : node.children) children += " " + shell_quoted(child.name + ":" + summary(child.help));
    for (const Operand& operand : node.positionals) {
      for (const std::string& choice : operand.choices) children += " " + shell_quoted(choice);
      files = files || operand.kind == Operand::Kind::file;
    }
    for (const auto& option : node.options) options += " " + shell_quoted(option.name + ":" + summary(option.help));
    out.append("    ").append(shell_quoted(node.path)).append(") children=(").append(children).append(" ) options=(");
    out.append(options)
        .append(" )")
        .append(files ? " files=1" : "")
        .append(has_live(node) ? " live=1" : "")
        .append(" ;;\n");
  }
  out +=
      "  esac\n"
      "  if [[ $cur == -* ]]; then _describe option options; return; fi\n"
      "  (( $#children )) && _describe command children\n"
      "  [[ -n $files ]] && _files\n"
      "  [[ -n $live ]] && _twinhub_live\n"
      "}\n"
      "compdef _twinhub twinhub\n";
  return out;
}

std::string fish_completion(const std::vector<CommandNode>& nodes) {
  std::string out =
      "# Completion of twinhub for fish: twinhub completion fish | source, or put it into\n"
      "# ~/.config/fish/completions/twinhub.fish\n"
      "function __twinhub_at\n"
      "  set -l path twinhub\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$path $word\"\n"
      "      case";
  for (const CommandNode& node : nodes) {
    if (node.path.find(' ') != std::string::npos) out += " " + shell_quoted(node.path);
  }
  out +=
      "\n"
      "        set path \"$path $word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$path\" = \"$argv\"\n"
      "end\n"
      "complete -c twinhub -f\n";
  out += fish_live;
  for (const CommandNode& node : nodes) {
    const std::string here = "complete -c twinhub -n " + shell_quoted("__twinhub_at " + node.path);
    for (const auto& child : node.children)
      out.append(here).append(" -a ").append(child.name).append(" -d ").append(shell_quoted(child.help)).append("\n");
    if (has_live(node)) out += here + " -a '(__twinhub_live)'\n";
    for (const Operand& operand : node.positionals) {
      if (operand.kind == Operand::Kind::file) out += here + " -F\n";
      if (!operand.choices.empty())
        out.append(here).append(" -a ").append(shell_quoted(joined(operand.choices))).append("\n");
    }
    for (const auto& [name, help, operand] : node.options) {
      out.append(here).append(" -l ").append(name.substr(2));
      if (operand.kind == Operand::Kind::text) out += " -x";
      if (operand.kind == Operand::Kind::file) out += " -r -F";
      if (operand.kind == Operand::Kind::live) out += " -x -a '(__twinhub_live)'";
      if (operand.kind == Operand::Kind::choice) out.append(" -x -a ").append(shell_quoted(joined(operand.choices)));
      out.append(" -d ").append(shell_quoted(help)).append("\n");
    }
  }
  return out;
}

void add_completion_command(CommandSet& commands) {
  const auto shell = std::make_shared<std::string>();
  CLI::App& root = commands.root();
  CLI::App& app = *root.add_subcommand("completion", "Print a script that lets a shell complete twinhub's commands");
  app.add_option("shell", *shell, "Which shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app.footer(
      "bash: source <(twinhub completion bash)\nzsh:  source <(twinhub completion zsh), behind compinit\n"
      "fish: twinhub completion fish | source");
  commands.add_plain(app, [shell, &root] {
    const auto nodes = command_nodes(root);
    std::cout << (*shell == "bash"  ? bash_completion(nodes)
                  : *shell == "zsh" ? zsh_completion(nodes)
                                    : fish_completion(nodes));
    return exit_ok;
  });
}

}  // namespace twinhub::cli
