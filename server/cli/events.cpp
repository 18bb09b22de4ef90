#include "protocol/iothub/property_bag.hpp"
#include "protocol/utf8.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/lasting_stream.hpp"

#include <iostream>

namespace twinhub::cli {
namespace {

std::string query_of(const TailOptions& options) {
  std::string query;
  if (!options.device.empty()) query += "device=" + iothub::percent_encode(options.device);
  if (!options.source.empty())
    query += (query.empty() ? "" : "&") + ("source=" + iothub::percent_encode(options.source));
  return query;
}

}  // namespace

int tail_events(const config::Settings& settings, const TailOptions& options) {
  auto stream = LastingStream::open(settings, query_of(options), options.from);
  if (!stream) {
    const int code = report(stream.error());
    return stream.error().code == Errc::argument_invalid ? exit_usage : code;
  }
  for (std::uint64_t printed = 0; options.count == 0 || printed < options.count; ++printed) {
    const auto event = stream->next();
    if (!event) return report(event.error());
    std::cout << visible_text(event->data) << std::endl;
    if (!std::cout) return exit_failed;  // the reader has closed the pipe
  }
  return exit_ok;
}

}  // namespace twinhub::cli
