// The one source that knows the version and the commit: it alone is compiled anew after each commit.
#include "server/cli/command_line.hpp"

#include <twinhub_commit.hpp>

namespace twinhub::cli {

std::string_view version() { return TWINHUB_VERSION; }
std::string_view commit() { return TWINHUB_COMMIT; }

}  // namespace twinhub::cli
