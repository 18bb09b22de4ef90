// `twinhub ca`: the hub's own CA, which clients trust, and its rotation.
#include "protocol/json/document.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/ops_orders.hpp"

#include <filesystem>
#include <iostream>
#include <memory>

namespace twinhub::cli {
namespace {

struct CaOptions {
  unsigned overlap_days = 30;
  bool json = false;
};

std::string day_of(const std::string& time) { return time.substr(0, time.find('T')); }

void print_state(const config::Settings& settings, const json::Document& state) {
  const json::Value root = state.root();
  const auto cas = root.find("cas");
  if (!cas || cas->empty()) {
    std::cout << "the hub has no CA of its own: its certificate is configured (tls.certificate)\n";
    return;
  }
  for (const json::Value ca : *cas) {
    const auto issues = ca.find("issues");
    std::cout << text_in(ca, "subject") << "  until " << day_of(text_in(ca, "endsAt")) << "  "
              << (issues && issues->boolean() == true ? "issues the server's certificate" : "comes next")
              << "\n    SHA-256 " << text_in(ca, "sha256") << "\n";
  }
  const std::string until = text_in(root, "overlapUntil");
  if (until.empty()) return;
  const auto file = std::filesystem::path(settings.data_dir) / "tls" / "ca.pem";
  std::cout << "Until " << until << " clients may trust either. Give them " << file.string()
            << ", which holds both; after that only the new one is trusted.\n";
}

int order(const config::Settings& settings, const std::string& path, const std::string& query, bool json) {
  auto hub = OpsOrders::open(settings, path);
  if (!hub) return report(hub.error());
  const auto state = hub->ask("POST", path + query);
  if (!state) return report(state.error());
  if (json) {
    std::cout << state->text() << "\n";
  } else {
    print_state(settings, *state);
  }
  return exit_ok;
}

int show(const config::Settings& settings, bool json) {
  auto hub = OpsOrders::open(settings, "/ca");
  if (!hub) return report(hub.error());
  const auto state = hub->ask("GET", "/ca");
  if (!state) return report(state.error());
  if (json) {
    std::cout << state->text() << "\n";
  } else {
    print_state(settings, *state);
  }
  return exit_ok;
}

}  // namespace

void add_ca_commands(CommandSet& commands) {
  CLI::App& group = CommandSet::group(commands.root(), "ca", "The hub's own CA, which clients trust");
  const auto options = std::make_shared<CaOptions>();
  const auto sub_command = [&](const char* name, const char* help, auto run) -> CLI::App& {
    CLI::App& app = commands.add(group, name, help, std::move(run));
    app.add_flag("--json", options->json, "Print the CAs as JSON");
    return app;
  };
  sub_command("show", "The CA, and the next one while it is rotated",
              [options](const config::Settings& settings) { return show(settings, options->json); });
  CLI::App& rotate = sub_command("rotate", "Make a new CA; for a while clients may trust either",
                                 [options](const config::Settings& settings) {
                                   const std::string query = "?overlap_days=" + std::to_string(options->overlap_days);
                                   return order(settings, "/ca/rotate", query, options->json);
                                 });
  rotate.add_option("--overlap-days", options->overlap_days, "Days until the new CA is the only one; 0: at once")
      ->capture_default_str()
      ->check(CLI::Range(0, 3650));
  rotate.footer(
      "Meanwhile ca.pem holds both CAs. The old one goes on issuing the server's certificate, so nothing changes for "
      "clients that\n"
      "trust only that; the server also sends the old CA's key signed by the new CA, for clients that trust only the "
      "new one.");
  sub_command("finish", "End the overlap now: the new CA is the only one",
              [options](const config::Settings& settings) { return order(settings, "/ca/finish", "", options->json); });
}

}  // namespace twinhub::cli
