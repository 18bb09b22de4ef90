#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/utf8.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"

#include <chrono>
#include <iostream>
#include <thread>

namespace twinhub::cli {
namespace {

constexpr std::string_view feedback = "/messages/serviceBound/feedback";
/// The hub answers at once, whether there is feedback or not.
constexpr std::chrono::seconds poll_pace{1};

/// Prints a batch, one line for each record. False: nobody takes the lines.
Result<bool> print_batch(const std::string& batch, std::uint64_t& printed) {
  const auto document = json::parse(batch);
  if (!document) return document.error();
  for (const json::Value record : document->root()) {
    std::cout << visible_text(record.text()) << "\n";
    ++printed;
  }
  std::cout << std::flush;
  return std::cout.good();
}

}  // namespace

int tail_feedback(const config::Settings& settings, std::uint64_t count) {
  auto hub = HubConnection::open(settings);
  if (!hub) return report(hub.error());
  for (std::uint64_t printed = 0; count == 0 || printed < count;) {
    const auto answer = hub->call({.path = std::string(feedback)});
    if (!answer) return report(answer.error());
    if (answer->status == 204) {
      std::this_thread::sleep_for(poll_pace);
      continue;
    }
    const auto shown = print_batch(answer->body, printed);
    const std::string batch = std::string(feedback) + "/" + iothub::percent_encode(answer->etag);
    if (!shown || !*shown) {  // the reader has closed the pipe: somebody else is to have the batch
      (void)hub->call({.method = "POST", .path = batch + "/abandon"});
      return shown ? exit_failed : report(shown.error());
    }
    if (const auto completed = hub->call({.method = "DELETE", .path = batch}); !completed)
      return report(completed.error());
  }
  return exit_ok;
}

}  // namespace twinhub::cli
