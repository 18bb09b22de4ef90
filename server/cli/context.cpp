// `twinhub context`: hubs elsewhere by name, so that no command needs their connection string again.
#include "config/contexts.hpp"
#include "protocol/iothub/connection_string.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/remote_hub.hpp"
#include "server/cli/text_file.hpp"
#include "server/cli/text_output.hpp"
#include "server/net/certificates.hpp"
#include "storage/durable_folder.hpp"

#include <filesystem>
#include <iostream>
#include <memory>

namespace twinhub::cli {
namespace {

namespace fs = std::filesystem;

int keep(const config::Contexts& contexts) {
  const fs::path file = config::contexts_file();
  if (const auto error = storage::make_durable_folder(file.parent_path()))
    return report(fail(Errc::argument_invalid, file.parent_path().string() + ": " + error.message()));
  const auto written = net::write_file(file, config::contexts_text(contexts), 0600);
  return written ? exit_ok : report(written.error());
}

struct NewContext {
  std::string name;
  config::Context context;
  bool is_used = false;
};

int add_context(NewContext made) {
  config::check_context_name(made.name);
  if (made.context.connection_string == "-") {
    std::getline(std::cin, made.context.connection_string);
    drop_byte_order_mark(made.context.connection_string);  // as PowerShell pipes it
  }
  config::Settings settings;
  settings.client_connection_string = made.context.connection_string;
  if (const auto hub = remote_hub(settings); !hub) return report(hub.error());
  config::Contexts contexts = config::read_contexts(config::contexts_file());
  if (contexts.all.contains(made.name)) {
    std::cerr << "twinhub: there is a context '" << made.name << "' already; 'twinhub context remove' takes it away\n";
    return exit_conflict;
  }
  config::Context kept = made.context;
  if (!kept.ca.empty()) kept.ca = fs::absolute(kept.ca).lexically_normal().string();
  contexts.all.emplace(made.name, std::move(kept));
  if (made.is_used) contexts.current = made.name;
  return keep(contexts);
}

int use_context(const std::string& name) {
  config::Contexts contexts = config::read_contexts(config::contexts_file());
  if (!name.empty() && !contexts.all.contains(name)) {
    std::cerr << "twinhub: there is no context '" << name << "'\n";
    return exit_not_found;
  }
  contexts.current = name;
  return keep(contexts);
}

int remove_context(const std::string& name) {
  config::Contexts contexts = config::read_contexts(config::contexts_file());
  if (contexts.all.erase(name) == 0) {
    std::cerr << "twinhub: there is no context '" << name << "'\n";
    return exit_not_found;
  }
  if (contexts.current == name) contexts.current.clear();
  return keep(contexts);
}

/// Never a key.
int list_contexts() {
  const config::Contexts contexts = config::read_contexts(config::contexts_file());
  Table table({"IN USE", "CONTEXT", "HUB", "POLICY", "CA"});
  for (const auto& [name, context] : contexts.all) {
    const auto parsed = iothub::parse_connection_string(context.connection_string);
    table.add({name == contexts.current ? "*" : "", name, parsed ? parsed->host_name : "?",
               parsed ? parsed->policy : "?", context.ca.empty() ? "the system's" : context.ca});
  }
  table.finish("no contexts; 'twinhub context add' makes one");
  return exit_ok;
}

}  // namespace

void add_context_commands(CommandSet& commands) {
  CLI::App& context = CommandSet::group(commands.root(), "context", "Hubs elsewhere, by name");
  const auto made = std::make_shared<NewContext>();
  CLI::App& add = *context.add_subcommand("add", "Keep the connection string of a hub under a name");
  add.add_option("name", made->name, "Name of the context")->required();
  add.add_option("--connection-string", made->context.connection_string,
                 "Of one of the hub's policies; '-' reads it from standard input, where no list of processes shows it")
      ->envname("TWINHUB_CONNECTION_STRING")
      ->required();
  add.add_option("--ca", made->context.ca, "A PEM file with the CA of the hub's certificate; without it the system's")
      ->check(CLI::ExistingFile);
  add.add_flag("--use", made->is_used, "Use it from now on");
  commands.add_plain(add, [made] { return add_context(*made); });

  const auto name = std::make_shared<std::string>();
  CLI::App& use = *context.add_subcommand(
      "use",
      "Speak to this hub wherever no flag or variable names another; without a name: to the hub of this machine");
  use.add_option("name", *name, "Name of the context")->type_name("CONTEXT");
  commands.add_plain(use, [name] { return use_context(*name); });
  CLI::App& remove = *context.add_subcommand("remove", "Forget a context");
  remove.add_option("name", *name, "Name of the context")->required()->type_name("CONTEXT");
  commands.add_plain(remove, [name] { return remove_context(*name); });
  CLI::App& list = *context.add_subcommand("list", "One line for each context");
  commands.add_plain(list, list_contexts);
}

}  // namespace twinhub::cli
