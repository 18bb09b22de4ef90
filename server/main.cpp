#include "server/app.hpp"
#include "server/cli/command_line.hpp"

#include <sys/stat.h>

int main(int argc, char** argv) {
  ::umask(077);  // whatever this program writes may hold keys: stores, exports, logs of the engine
  return twinhub::cli::run(argc, argv, {.serve = twinhub::serve, .check = twinhub::check});
}
