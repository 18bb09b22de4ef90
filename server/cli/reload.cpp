// `twinhub reload`.
#include "server/cli/reload.hpp"

#include "protocol/json/document.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/ops_orders.hpp"

#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

namespace twinhub::cli {
namespace {

constexpr std::chrono::milliseconds ask_again{50};

Result<json::Document> outcome_of(OpsOrders& hub, std::uint64_t id) {
  while (true) {
    auto state = hub.ask("GET", "/reload");
    if (!state) return state;
    const std::uint64_t done = number_in(state->root(), "id");
    const std::string words = text_in(state->root(), "state");
    if (words == "none") return fail(Errc::service_unavailable, "the hub was restarted meanwhile");
    if (words != "running" && done >= id) return state;
    std::this_thread::sleep_for(ask_again);
  }
}

int show(const json::Document& state, std::ostream& out, bool as_json) {
  const json::Value root = state.root();
  const bool is_done = text_in(root, "state") == "done";
  if (as_json) out << state.text() << "\n";
  if (!is_done) {
    std::cerr << "twinhub: " << text_in(root, "error") << "; nothing was changed\n";
    return exit_failed;
  }
  if (as_json) return exit_ok;
  const auto taken = root.find("taken"), waiting = root.find("waiting");
  if (!taken || !waiting) return exit_failed;
  for (const json::Value words : *taken) out << words.string().value_or("") << "\n";
  for (const json::Value change : *waiting) {
    out << "waits for a restart: " << text_in(change, "setting") << ": " << text_in(change, "running") << " -> "
        << text_in(change, "configured") << "\n";
  }
  return exit_ok;
}

}  // namespace

int reload_hub(OpsOrders& hub, std::ostream& out, bool as_json) {
  const auto begun = hub.ask("POST", "/reload");
  if (!begun) return report(begun.error());
  const auto state = outcome_of(hub, number_in(begun->root(), "id"));
  return state ? show(*state, out, as_json) : report(state.error());
}

void add_reload_command(CommandSet& commands) {
  const auto as_json = std::make_shared<bool>(false);
  CLI::App& app = commands.add(commands.root(), "reload",
                               "Have the running hub read its settings, policies, routes and TLS files again",
                               [as_json](const config::Settings& settings) {
                                 auto hub = OpsOrders::open(settings, "/reload");
                                 return hub ? reload_hub(*hub, std::cout, *as_json) : report(hub.error());
                               });
  app.add_flag("--json", *as_json, "Print the outcome as JSON");
  app.footer(
      "All or nothing: with an error in any of them nothing is changed. Settings that cannot be changed while the hub "
      "runs are named.\n"
      "SIGHUP does the same; the log says what came of it.");
}

}  // namespace twinhub::cli
