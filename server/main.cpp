#include "server/app.hpp"
#include "server/cli/command_line.hpp"

int main(int argc, char** argv) { return twinhub::cli::run(argc, argv, twinhub::serve); }
