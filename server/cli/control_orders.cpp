// reset, snapshot: orders to the whole hub.
#include "server/cli/control_orders.hpp"

#include "protocol/json/document.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/ops_orders.hpp"
#include "server/cli/ops_reader.hpp"
#include "server/cli/text_output.hpp"
#include "storage/backup/snapshots.hpp"

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

namespace twinhub::cli {
namespace {

constexpr std::chrono::minutes patience{10};  // a large store on a slow disk

Errc code_of(unsigned status) {
  switch (status) {
    case 400:
      return Errc::argument_invalid;
    case 401:
    case 403:
      return Errc::iot_hub_unauthorized_access;
    case 404:
      return Errc::device_not_found;
    case 409:
      return Errc::precondition_failed;
    default:
      return Errc::service_unavailable;
  }
}

using Show = std::function<void(const json::Value& outcome)>;

/// Prints what came of it, by `show` for people.
int order(const config::Settings& settings, std::string_view method, const std::string& target, bool as_json,
          const Show& show) {
  auto hub = OpsReader::open(settings, patience);
  if (!hub) return report(hub.error());
  const auto answer = hub->send(method, target);
  if (!answer) return report(answer.error());
  const auto document = json::parse(answer->body);
  if (answer->status != 200 || !document) return report(control_refusal(*answer));
  if (as_json) {
    std::cout << document->root().text() << "\n";
  } else {
    show(document->root());
  }
  return exit_ok;
}

std::string path_of(const std::string& snapshot) { return "/control/snapshots/" + snapshot; }

void show_list(const json::Value& outcome) {
  Table table({"NAME", "MADE", "BYTES"});
  if (const auto all = outcome.find("snapshots")) {
    for (const json::Value each : *all)
      table.add({text_in(each, "name"), time_cell(text_in(each, "made")), std::to_string(number_in(each, "bytes"))});
  }
  table.finish("no snapshots");
}

void add_reset_command(CommandSet& commands) {
  struct Options {
    bool empty = false;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& app = commands.add(
      commands.root(), "reset", "Set the running hub back to its seed, or to nothing when it has none",
      [options](const config::Settings& settings) {
        return order(settings, "POST", options->empty ? "/control/reset?to=empty" : "/control/reset", options->json,
                     [](const json::Value& outcome) {
                       std::cout << (text_in(outcome, "state") == "empty" ? "the hub is empty"
                                                                          : "the hub has its seed and nothing else")
                                 << "\n";
                     });
      });
  app.add_flag("--empty", options->empty, "To nothing, whether or not it was started with a seed");
  app.add_flag("--json", options->json, "Print the outcome as JSON");
  app.footer(
      "Every connection is closed; when the command ends the hub serves again. Policies with their keys, and "
      "certificates, stay.");
}

/// A sub-command about the snapshot that it names.
void add_snapshot_command(CommandSet& commands, CLI::App& group, const std::string& verb, const std::string& help,
                          std::string_view method, const std::string& behind, const std::string& done) {
  struct Options {
    std::string name;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& app = commands.add(group, verb, help, [=](const config::Settings& settings) {
    return order(settings, method, path_of(options->name) + behind, options->json,
                 [&](const json::Value&) { std::cout << "snapshot " << options->name << ": " << done << "\n"; });
  });
  app.add_option("name", options->name, "Letters, digits, '-', '_' and '.', 64 at most")
      ->required()
      ->type_name("NAME")
      ->check([](const std::string& name) {
        return storage::backup::is_snapshot_name(name)
                   ? std::string()
                   : "'" + name + "' is no name of a snapshot: 1 to 64 letters, digits, '-', '_' and '.'";
      });
  app.add_flag("--json", options->json, "Print the outcome as JSON");
}

}  // namespace

Error control_refusal(const net::HttpAnswer& answer) {
  const auto document = json::parse(answer.body);
  const std::string words = document ? text_in(document->root(), "error") : "";
  if (!words.empty()) return fail(code_of(answer.status), words);
  if (answer.status == 404)
    return fail(Errc::argument_invalid, "the hub takes no orders of tests; it does with --control on, or --dev");
  return fail(code_of(answer.status), "the hub answered " + std::to_string(answer.status));
}

void add_control_commands(CommandSet& commands) {
  add_reset_command(commands);
  CLI::App& group = CommandSet::group(commands.root(), "snapshot", "Save and restore the state of a running hub");
  add_snapshot_command(commands, group, "save", "Save the hub's state; replaces the snapshot of that name", "POST", "",
                       "saved");
  add_snapshot_command(commands, group, "restore",
                       "Put the hub back to a snapshot; every connection is closed, policies and certificates stay",
                       "POST", "/restore", "restored");
  const auto as_json = std::make_shared<bool>(false);
  CLI::App& list =
      commands.add(group, "list", "List the snapshots that the hub keeps", [as_json](const config::Settings& settings) {
        return order(settings, "GET", "/control/snapshots", *as_json, show_list);
      });
  list.add_flag("--json", *as_json, "Print them as JSON");
  add_snapshot_command(commands, group, "delete", "Delete a snapshot", "DELETE", "", "deleted");
}

}  // namespace twinhub::cli
