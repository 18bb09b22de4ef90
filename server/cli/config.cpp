#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"

#include <iostream>

namespace twinhub::cli {

int print_config(const config::Loaded& loaded) {
  std::cout << config::describe(loaded);
  return exit_ok;
}

}  // namespace twinhub::cli
