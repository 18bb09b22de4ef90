#include "server/cli/wait.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/control_orders.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/ops_reader.hpp"
#include "server/cli/text_output.hpp"

#include <chrono>
#include <iostream>

namespace twinhub::cli {
namespace {

constexpr std::chrono::hours patience{2};  // the hub's own limit is an hour

std::string target_of(const WaitOptions& options) {
  std::string target = "/control/wait?device=" + iothub::percent_encode(options.id.device);
  if (options.id.is_module()) target += "&module=" + iothub::percent_encode(options.id.module);
  target += options.telemetry ? "&telemetry=" : "&condition=";
  target += iothub::percent_encode(options.condition);
  return target + "&timeout=" + iothub::percent_encode(options.timeout);
}

}  // namespace

int wait_for(const config::Settings& settings, const WaitOptions& options) {
  auto reader = OpsReader::open(settings, patience);
  if (!reader) return report(reader.error());
  const auto answer = reader->get(target_of(options));
  if (!answer) return report(answer.error());
  const auto document = json::parse(answer->body);
  const auto met = document ? document->root().find("met") : std::nullopt;
  if (!met) return report(control_refusal(*answer));
  if (answer->status != 200) {
    std::cerr << "twinhub: it did not come to that within " << options.timeout << "\n";
    return exit_timed_out;
  }
  const auto found = document->root().find(options.telemetry ? "event" : "twin");
  if (found) std::cout << (options.json ? std::string(found->text()) : pretty(*found)) << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
