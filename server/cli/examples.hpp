// What the help of each sub-command shows to copy.
#pragma once

#include <CLI/CLI.hpp>

namespace twinhub::cli {

/// Puts examples before the footer of every sub-command under `root` that runs something. REQUIRES: the tree is complete.
void add_examples(CLI::App& root);

}  // namespace twinhub::cli
